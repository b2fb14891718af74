import { setTimeout as sleep } from 'node:timers/promises';
import {
  FakeClock,
  loginAs,
  SessionTestingModule,
  type SessionTestingOptions,
} from '@latchkey/session/testing';
import { SessionError, SessionService, UserStateService, type SessionErrorCode } from '@latchkey/session';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';

const opened: TestingModule[] = [];
afterEach(() => Promise.all(opened.splice(0).map((app) => app.close())));

async function open(options: SessionTestingOptions = { refresh: true }) {
  const clock = new FakeClock();
  const module = SessionTestingModule.forRoot({ clock, ...options });
  const app = await Test.createTestingModule({ imports: [module] }).compile();
  await app.init();
  opened.push(app);
  const sessions = app.get(SessionService);
  const refusal = async (attempt: Promise<unknown>): Promise<SessionErrorCode> => {
    const error: unknown = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof SessionError)) throw new Error(`It was not refused: ${String(error)}`);
    return error.code;
  };
  return { app, clock, sessions, users: app.get(UserStateService), refusal };
}

const ALLOW_EXPIRED = { roleGroups: [], allowExpired: true };

describe('SessionService with refresh tokens', () => {
  it('gives two tokens at login; the access token ends after ten minutes, the session does not', async () => {
    const { sessions, clock, refusal } = await open();
    const { token, refreshToken, expiresAt, session } = await sessions.create('ada');
    expect(token).toMatch(/^lk_/);
    expect(refreshToken).toMatch(/^lkr_/);
    expect(expiresAt).toBe(clock.now() + 600_000);
    expect(session.expiresAt).toBe(clock.now() + 3_600_000);
    clock.advance(599_999);
    await sessions.authenticate(token);
    clock.advance(1);
    expect(await refusal(sessions.authenticate(token))).toBe('session_expired');
    expect(await sessions.list('ada')).toHaveLength(1);
    await sessions.authenticate(token, ALLOW_EXPIRED);
  });

  it('without the option gives one, which lives as long as its session', async () => {
    const { sessions, clock } = await open({});
    const issued = await sessions.create('ada');
    expect(issued).not.toHaveProperty('refreshToken');
    expect(issued.expiresAt).toBe(issued.session.expiresAt);
    clock.advance('59m');
    await sessions.authenticate(issued.token);
  });

  it('gives two new ones for a refresh token; the old access token is good for the grace', async () => {
    const { sessions, clock, refusal } = await open();
    const first = await sessions.create('ada', { rememberMe: true });
    clock.advance('9m');
    const second = await sessions.refresh(first.refreshToken);
    expect(second.session.id).toBe(first.session.id);
    expect(second.expiresAt).toBe(clock.now() + 600_000);
    expect(second.token).not.toBe(first.token);
    clock.advance(9_999);
    await sessions.authenticate(first.token);
    expect(await sessions.refresh(first.refreshToken)).toEqual(second);
    clock.advance(1);
    expect(await refusal(sessions.authenticate(first.token))).toBe('session_expired');
    clock.advance('9m');
    const third = await sessions.refresh(second.refreshToken);
    await sessions.authenticate(third.token);
  });

  it('carries a session on for as long as it may live, and no longer', async () => {
    const { sessions, clock, refusal } = await open();
    let issued = await sessions.create('ada');
    const { absoluteExpiresAt } = issued.session;
    while (clock.now() + 3_500_000 < absoluteExpiresAt) {
      clock.advance(3_500_000);
      issued = await sessions.refresh(issued.refreshToken);
    }
    clock.advance(absoluteExpiresAt - clock.now() - 60_000);
    issued = await sessions.refresh(issued.refreshToken);
    expect(issued.expiresAt).toBe(absoluteExpiresAt);
    clock.advance(60_000);
    expect(await refusal(sessions.refresh(issued.refreshToken))).toBe('session_expired');
  });

  it('ends the session at a second use, and says so with the session as it was', async () => {
    const { sessions, clock, refusal } = await open();
    const phone = { name: 'Phone', userAgent: 'curl/8', ip: '192.0.2.7' };
    const first = await sessions.create('ada', { device: phone });
    const second = await sessions.refresh(first.refreshToken, {
      device: { userAgent: 'wget', ip: '198.51.100.9' },
    });
    clock.advance('11s');
    const attempt = sessions.refresh(first.refreshToken, { device: phone });
    await expect(attempt).rejects.toMatchObject({
      code: 'session_revoked',
      reused: { id: first.session.id, userId: 'ada', device: { userAgent: 'wget', ip: '198.51.100.9' } },
    });
    expect(await refusal(sessions.authenticate(second.token))).toBe('session_revoked');
    await expect(sessions.refresh(second.refreshToken)).rejects.toMatchObject({
      code: 'session_revoked',
      reused: undefined,
    });
    expect(await sessions.list('ada')).toEqual([]);
  });

  it('answers what is no refresh token without asking', async () => {
    const { sessions, refusal } = await open();
    const { token, refreshToken, session } = await sessions.create('ada');
    expect(await refusal(sessions.refresh(undefined))).toBe('session_missing');
    for (const text of ['', token, session.id, `${refreshToken}A`, refreshToken?.slice(1)]) {
      expect(await refusal(sessions.refresh(text ?? ''))).toBe('session_invalid');
    }
    expect(await refusal(sessions.authenticate(refreshToken))).toBe('session_invalid');
    await sessions.refresh(refreshToken);
  });

  it('refuses a refresh token beside an access token of another session, and changes nothing', async () => {
    const { sessions, clock, refusal } = await open();
    const mine = await sessions.create('ada');
    const planted = await sessions.create('eve');
    const other = await sessions.create('ada');
    for (const accessToken of [planted.token, other.token, '', 'nonsense', mine.refreshToken ?? '']) {
      expect(await refusal(sessions.refresh(mine.refreshToken, { accessToken }))).toBe('session_invalid');
    }
    clock.advance('11m'); // that it has run out is why a client refreshes
    await sessions.refresh(mine.refreshToken, { accessToken: mine.token });
  });

  it('replaces both at a reauthentication: neither works any more', async () => {
    const { sessions, refusal } = await open();
    const first = await sessions.create('ada');
    const { session } = await sessions.authenticate(first.token);
    const replaced = await sessions.replaceToken(session, { revokeOthers: true });
    expect(await refusal(sessions.authenticate(first.token))).toBe('session_revoked');
    expect(await refusal(sessions.refresh(first.refreshToken))).toBe('session_revoked');
    await sessions.authenticate(replaced.token);
    await sessions.refresh(replaced.refreshToken);
  });

  it('is for nobody whose sessions were ended, or who is blocked', async () => {
    const { sessions, users, refusal } = await open();
    const [one, two] = [await sessions.create('ada'), await sessions.create('ada')];
    await sessions.revoke('ada', one.session.id, 'logout');
    expect(await refusal(sessions.refresh(one.refreshToken))).toBe('session_revoked');
    await users.block('ada', { reason: 'spam' });
    await expect(sessions.refresh(two.refreshToken)).rejects.toMatchObject({
      code: 'user_blocked',
      block: { reason: 'spam' },
    });
    await users.unblock('ada');
    expect(await refusal(sessions.refresh(two.refreshToken))).toBe('session_revoked');
  });

  it('asks the app database as a request does: a block there ends it', async () => {
    let block: { reason: string } | undefined;
    const { sessions, clock, refusal } = await open({
      refresh: true,
      userDirectory: {
        load: async () => ({ roles: ['user'], version: block ? 2 : 1, ...(block ? { block } : {}) }),
      },
    });
    const first = await sessions.create('ada');
    clock.advance('6m');
    const second = await sessions.refresh(first.refreshToken);
    block = { reason: 'spam' };
    clock.advance('6m');
    expect(await refusal(sessions.refresh(second.refreshToken))).toBe('user_blocked');
  });

  it('is told to whoever listens', async () => {
    const { app, sessions } = await open();
    const { SessionEvents } = await import('@latchkey/session');
    const heard: unknown[] = [];
    await app.get(SessionEvents).on('refresh.reused', ({ devices }) => heard.push(devices));
    const { refreshToken } = await loginAs(app, { userId: 'ada', device: { ip: '192.0.2.7' } });
    const next = await sessions.refresh(refreshToken);
    await sessions.refresh(next.refreshToken);
    const device = { ip: '198.51.100.9', userAgent: 'curl/8' };
    await expect(sessions.refresh(refreshToken, { device })).rejects.toMatchObject({
      code: 'session_revoked',
    });
    await sleep(10);
    expect(heard).toEqual([{ session: { ip: '192.0.2.7', userAgent: '' }, presented: device }]);
  });
});

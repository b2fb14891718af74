/** What a module tells by `node:diagnostics_channel`, and that it tells nothing where nobody listens. */
import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import {
  OneTimeTokens,
  OptionalSession,
  Public,
  RateLimit,
  RateLimiter,
  Roles,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { onTelemetry, type TelemetryChannel, type TelemetryMessages } from '@latchkey/session/telemetry';
import { CHANNELS } from '../../libs/session/src/telemetry/channels.js';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { startApp, stopApps, type RunningApp } from '../support/library-app.js';

@Controller()
class Shop {
  @Get('mine')
  mine() {
    return {};
  }

  @Roles('admin')
  @Get('admin')
  admin() {
    return {};
  }

  @OptionalSession()
  @Get('optional')
  optional() {
    return {};
  }

  @Public()
  @Get('open')
  open() {
    return {};
  }

  @Public()
  @RateLimit({ name: 'few', quota: 1, window: '1m', by: 'ip' })
  @Get('few')
  few() {
    return {};
  }

  @RateLimit({ name: 'scarce', quota: 1, window: '1m', by: 'user' })
  @Get('scarce')
  scarce() {
    return {};
  }
}

type Heard = { readonly [Name in TelemetryChannel]: TelemetryMessages[Name][] };

const NAMES = Object.keys(CHANNELS) as TelemetryChannel[];
let node: RunningApp;
let sessions: SessionService;
let users: UserStateService;
let heard: Heard;
let stops: (() => void)[];
const secrets: string[] = [];

beforeAll(async () => {
  const session = { guard: 'global', refresh: true, maxSessionsPerUser: 3 } as const;
  node = await startApp({ controllers: [Shop], session });
  sessions = node.app.get(SessionService);
  users = node.app.get(UserStateService);
});
afterAll(stopApps);
beforeEach(() => {
  heard = Object.fromEntries(NAMES.map((name) => [name, []])) as unknown as Heard;
  stops = NAMES.map((name) => onTelemetry(name, (message) => heard[name].push(message as never)));
});
afterEach(() => {
  for (const stop of stops) stop();
  const told = JSON.stringify(heard);
  for (const secret of secrets) expect(told).not.toContain(secret);
});

async function login(userId: string) {
  const issued = await sessions.create(userId);
  secrets.push(
    userId,
    issued.token,
    issued.refreshToken ?? issued.token,
    issued.session.id,
    userRefOf(userId),
  );
  return issued;
}

const get = (path: string, token?: string) =>
  node.http.get(path).set(token === undefined ? {} : { authorization: `Bearer ${token}` });

const wrong = (text = '', at = -4): string => `${text.slice(0, at)}AAAA${text.slice(at).slice(4)}`;

const checks = () =>
  heard['latchkey.check'].map(({ context, decision, reason }) => [context, decision, reason]);

describe('a check', () => {
  it('is told with its decision and reason, one a request', async () => {
    const { token } = await login('check-ada');
    const blocked = await login('check-bob');
    await users.block('check-bob', { reason: 'spam' });
    const rows = [
      [200, '/mine', token, 'permit', undefined],
      [401, '/mine', undefined, 'deny', 'session_missing'],
      [401, '/mine', 'nonsense', 'deny', 'session_invalid'],
      [403, '/mine', blocked.token, 'deny', 'user_blocked'],
      [403, '/admin', token, 'deny', 'forbidden'],
      [200, '/optional', undefined, 'permit', undefined],
      [200, '/few', undefined, 'permit', undefined],
      [429, '/few', undefined, 'deny', 'rate_limited'],
      [200, '/scarce', token, 'permit', undefined],
      [429, '/scarce', token, 'deny', 'rate_limited'],
    ] as const;
    for (const [status, path, presented] of rows) await get(path, presented).expect(status);
    expect(checks()).toEqual(rows.map(([, , , decision, reason]) => ['http', decision, reason]));
    const [first, second] = heard['latchkey.check'];
    expect(first?.userRef).toBe(userRefOf('check-ada'));
    expect(second?.userRef).toBeUndefined();
    expect(first?.realm).toEqual({ name: 'lk' });
    expect(first?.durationMs).toBeGreaterThan(0);
    expect(heard['latchkey.quota_refusal'].map(({ quota }) => quota)).toEqual(['few', 'scarce']);
  });

  it('is not told where nothing is asked, and once where two guards stand', async () => {
    await get('/open').expect(200);
    expect(checks()).toEqual([]);
  });

  it('is told of a request that carries two tokens, and of calls outside a guard', async () => {
    const { token } = await login('check-cy');
    await get('/mine', token).set('cookie', `__Host-session=${token}`).expect(400);
    await sessions.authenticate(token);
    await expect(sessions.authenticate(undefined)).rejects.toThrow();
    expect(checks()).toEqual([
      ['http', 'deny', 'ambiguous_credentials'],
      ['direct', 'permit', undefined],
      ['direct', 'deny', 'session_missing'],
    ]);
  });

  it('is told of live connections, which are counted', async () => {
    const { token, session } = await login('check-dan');
    const connections = node.app.get(LiveConnections);
    const [first, second] = await Promise.all([0, 1].map(() => connections.register({ token })));
    first?.open(() => undefined);
    await first?.check();
    second?.closed();
    await expect(connections.register({ token: undefined })).rejects.toThrow();
    await sessions.revoke('check-dan', session.id);
    while (!first?.isEnded) await turn();
    expect(checks()).toEqual([
      ['handshake', 'permit', undefined],
      ['handshake', 'permit', undefined],
      ['message', 'permit', undefined],
      ['handshake', 'deny', 'session_missing'],
      ['recheck', 'deny', 'session_revoked'],
    ]);
    const told = heard['latchkey.connections'].map(({ change, code, open }) => [change, code, open]);
    expect(told).toEqual([
      ['opened', undefined, 1],
      ['opened', undefined, 2],
      ['closed', undefined, 1],
      ['closed', 'session_revoked', 0],
    ]);
  });
});

describe('an act', () => {
  it('is told with its outcome, its receipt and the sessions that it ended', async () => {
    for (const _ of [0, 1]) await login('act-eve');
    await users.block('act-eve', { reason: 'spam' });
    await users.unblock('act-eve');
    await users.setRoles('act-eve', ['admin']);
    await expect(users.grant('act-nobody', 'admin')).rejects.toThrow();
    const { session } = await login('act-eve');
    await sessions.revoke('act-eve', session.id, 'logout');
    await login('act-eve');
    await sessions.revokeAll('act-eve');
    await users.erase('act-eve');
    expect(heard['latchkey.act'].map(({ act, outcome, receipt }) => [act, outcome, receipt?.nodes])).toEqual([
      ['block', 'ok', expect.anything()],
      ['unblock', 'ok', undefined],
      ['set_roles', 'ok', expect.anything()],
      ['grant', 'user_unknown', undefined],
      ['revoke', 'ok', undefined],
      ['revoke_all', 'ok', expect.anything()],
      ['erase', 'ok', undefined],
    ]);
    expect(heard['latchkey.act'][0]?.userRef).toBe(userRefOf('act-eve'));
    const ends = heard['latchkey.sessions'].filter(({ change }) => change === 'ended');
    expect(ends.map(({ reason, count }) => [reason, count])).toEqual([
      ['blocked', 2],
      ['logout', 1],
      ['revoked', 1],
    ]);
  });

  it('tells of sessions that begin, go on, and make room', async () => {
    for (const _ of [0, 1, 2, 3]) await login('act-fay');
    const next = await login('act-gus');
    await sessions.refresh(next.refreshToken);
    await expect(sessions.refresh(wrong(next.refreshToken))).rejects.toMatchObject({
      code: 'session_revoked',
    });
    const told = heard['latchkey.sessions'].map(
      ({ change, reason, count }) => `${change} ${reason} ${count}`,
    );
    expect(told).toEqual([
      ...Array<string>(3).fill('created login 1'),
      'created login 1',
      'ended evicted 1',
      'created login 1',
      'refreshed refresh 1',
      'ended refresh_reused 1',
    ]);
  });
});

describe('a token that opens nothing, and a quota without room', () => {
  it('is told with its kind', async () => {
    const { token, refreshToken } = await login('token-hal');
    await get('/mine', wrong(token)).expect(401);
    await get('/mine', 'nonsense').expect(401);
    for (const one of [wrong(refreshToken, 48), 'nonsense'])
      await expect(sessions.refresh(one)).rejects.toMatchObject({ code: 'session_invalid' });
    const consuming = node.app.get(OneTimeTokens).consume('nonsense', 'reset');
    await expect(consuming).rejects.toMatchObject({ code: 'token_invalid' });
    expect(heard['latchkey.failed_token'].map(({ token: kind, failure }) => [kind, failure])).toEqual([
      ['session', 'unknown'],
      ['session', 'malformed'],
      ['refresh', 'unknown'],
      ['refresh', 'malformed'],
      ['one_time', 'malformed'],
    ]);
    const mails = { name: 'mails', quota: 1, window: '1h' } as const;
    const limiter = node.app.get(RateLimiter);
    for (const _ of [0, 1]) await limiter.consume(mails, 'hal@example.com');
    expect(heard['latchkey.quota_refusal']).toEqual([{ realm: { name: 'lk' }, quota: 'mails' }]);
  });
});

describe('channels', () => {
  it('are silent, and read no clock, where nobody listens', async () => {
    const { token } = await login('quiet-ida');
    for (const stop of stops.splice(0)) stop();
    expect(NAMES.filter((name) => CHANNELS[name].hasSubscribers)).toEqual([]);
    const now = jest.spyOn(performance, 'now');
    const publish = jest.spyOn(CHANNELS['latchkey.check'], 'publish');
    await sessions.authenticate(token);
    expect([now.mock.calls.length, publish.mock.calls.length]).toEqual([0, 0]);
    now.mockRestore();
    publish.mockRestore();
  });

  it('tell two modules of one name apart, and refuse a name that is none', async () => {
    const other = await startApp({ controllers: [Shop], session: { guard: 'global' } });
    await Promise.all([get('/mine').expect(401), other.http.get('/mine').expect(401)]);
    const realms = heard['latchkey.check'].map(({ realm }) => realm);
    expect(realms).toEqual([{ name: 'lk' }, { name: 'lk' }]);
    expect(new Set(realms).size).toBe(2);
    expect(() => onTelemetry('latchkey.other' as never, () => undefined)).toThrow(TypeError);
  });
});

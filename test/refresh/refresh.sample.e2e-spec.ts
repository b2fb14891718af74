import { setTimeout as sleep } from 'node:timers/promises';
import { AuditLog } from '@latchkey/session';
import request from 'supertest';
import { type Client, cookieLines, cookieOf, expectProblem } from '../sample/support/client.js';
import { describeSample, PASSWORD, Sample } from '../sample/support/sample.js';

/** Opaque, or a JWT. */
const TOKEN = /^(?:lk_[A-Za-z0-9_-]{81}|[\w-]+\.[\w-]+\.[\w-]+)$/;
const REFRESH_TOKEN = /^lkr_[A-Za-z0-9_-]{124}$/;
/** What a client got; of a JWT without its signature, which ES256 makes another each time. */
const contentOf = ({ token = '', refreshToken }: Client) => [token.split('.', 2), refreshToken];
const env = { REFRESH: 'on' };
const TRANSPORTS = ['cookie', 'bearer'] as const;

describeSample(
  'POST /auth/refresh',
  (sample) => {
    describe.each(TRANSPORTS)('(%s)', (transport) => {
      const login = async (): Promise<Client> => {
        const { username } = await sample().newcomer();
        return sample().anybody().login(username, PASSWORD, { transport });
      };
      const refresh = async (client: Client): Promise<Client> => {
        const next = client.copy();
        next.keep(await client.askRefresh().expect(200));
        return next;
      };

      it('gives new tokens for one that was not used before', async () => {
        const first = await login();
        expect(first.token).toMatch(TOKEN);
        expect(first.refreshToken).toMatch(REFRESH_TOKEN);
        const reply = await first.askRefresh().expect(200);
        expect(Object.keys(reply.body).sort()).toEqual(
          transport === 'cookie' ? ['expiresAt'] : ['expiresAt', 'refreshToken', 'token'],
        );
        const inMinutes = (new Date(reply.body.expiresAt as string).getTime() - Date.now()) / 60_000;
        expect(inMinutes).toBeGreaterThan(9);
        expect(inMinutes).toBeLessThan(11);
        expect(reply.headers['cache-control']).toBe('no-store');
        const second = first.copy();
        second.keep(reply);
        expect(second.token).toMatch(TOKEN);
        expect(second.refreshToken).toMatch(REFRESH_TOKEN);
        expect([second.token, second.refreshToken]).not.toEqual([first.token, first.refreshToken]);
        expect(await second.denial()).toBeUndefined();
        expect((await second.get('/auth/me')).body.session.id).toBe(first.sessionId);
        await refresh(second);
      });

      it('gives the same to clients that ask at once, or lost the reply', async () => {
        const first = await login();
        const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(first)));
        const again = await refresh(first);
        for (const reply of replies) expect(contentOf(reply)).toEqual(contentOf(again));
        expect(await again.denial()).toBeUndefined();
      });

      it('ends the session when a used one comes again, and writes that down', async () => {
        const first = await login();
        const second = await refresh(first);
        const third = await refresh(second);
        const thief = first.copy();
        const reply = await thief.askRefresh().set('User-Agent', 'stolen/1.0');
        expectProblem(reply, 401, 'session_revoked');
        expect(reply.headers['set-cookie']).toBeUndefined();
        expect(await third.denial()).toBe('session_revoked');
        expectProblem(await third.askRefresh(), 401, 'session_revoked');
        const { entries } = await sample().app.get(AuditLog).read({ userId: first.userId });
        expect(entries.filter(({ action }) => action === 'refresh.reused')).toEqual([
          expect.objectContaining({
            outcome: 'ok',
            targetId: first.userId,
            ip: '127.0.0.1',
            details: {
              session: first.sessionId,
              userAgent: 'stolen/1.0',
              knownIp: '127.0.0.1',
              knownUserAgent: expect.any(String),
            },
          }),
        ]);
        expect(JSON.stringify(entries)).not.toContain(first.refreshToken);
      });

      it('refuses forged ones, and changes nothing', async () => {
        const mine = await login();
        const forged = mine.copy();
        const token = mine.refreshToken as string;
        for (const guess of [
          '',
          'lkr_',
          token.slice(4),
          `${token.slice(0, 60)}${'A'.repeat(68)}`,
          mine.token,
        ]) {
          forged.refreshToken = guess;
          expectProblem(await forged.askRefresh(), 401, 'session_invalid');
        }
        await refresh(mine);
      });

      it('is worth nothing after a logout, nor after a block', async () => {
        const one = await login();
        const reply = await one.post('/auth/logout').expect(204);
        expect(cookieOf(reply, '__Secure-refresh')).toBe(transport === 'cookie' ? '' : undefined);
        expectProblem(await one.askRefresh(), 401, 'session_revoked');
        const two = await login();
        const mia = await sample().as('mia');
        await mia.post(`/moderation/users/${two.userId}/block`, { reason: 'spam' }).expect(200);
        const blocked = await two.askRefresh();
        expectProblem(blocked, 403, 'user_blocked');
        expect(blocked.body.block).toEqual({ reason: 'spam' });
      });

      it.each([
        ['post', '/auth/reauthenticate', { password: PASSWORD }],
        ['put', '/auth/password', { currentPassword: PASSWORD, newPassword: 'another good password' }],
      ] as const)(
        '%s %s replaces both tokens: neither old one works any more',
        async (method, path, body) => {
          const old = await login();
          const renewed = old.copy();
          const reply = await old[method](path, body).expect(200);
          expect(Object.keys(reply.body).sort()).toEqual(
            transport === 'cookie' ? ['expiresAt'] : ['expiresAt', 'refreshToken', 'token'],
          );
          renewed.keep(reply);
          expect(await old.denial()).toBe('session_revoked');
          expectProblem(await old.askRefresh(), 401, 'session_revoked');
          expect(await renewed.denial()).toBeUndefined();
          await refresh(renewed);
        },
      );
    });

    describe('with cookies', () => {
      const login = () => sample().as('alice', { transport: 'cookie' });

      it('sets both for as long as the session may live, each with its attributes', async () => {
        const alice = await login();
        const lines = cookieLines(await alice.askRefresh().expect(200));
        expect(lines).toHaveLength(2);
        const maxAges = lines.map((line) => Number(/Max-Age=(\d+)$/.exec(line)?.[1]));
        for (const maxAge of maxAges) expect(maxAge).toBeGreaterThan(86_000);
        expect(lines[0]).toMatch(/^__Host-session=\S+; Path=\/; HttpOnly; Secure; SameSite=Lax; /);
        expect(lines[1]).toMatch(
          /^__Secure-refresh=lkr_\S+; Path=\/auth\/refresh; HttpOnly; Secure; SameSite=Strict; /,
        );
        const gone = cookieLines(await alice.post('/auth/logout'));
        expect(gone[1]).toBe(
          '__Secure-refresh=; Path=/auth/refresh; HttpOnly; Secure; SameSite=Strict; Max-Age=0',
        );
      });

      it('refuses a refresh cookie of another session, and changes nothing', async () => {
        const [alice, other, eve] = [
          await login(),
          await login(),
          await sample().as('bob', { transport: 'cookie' }),
        ];
        for (const planted of [other, eve]) {
          const victim = Object.assign(alice.copy(), { refreshToken: planted.refreshToken });
          const reply = await victim.askRefresh();
          expectProblem(reply, 401, 'session_invalid');
          expect(reply.headers['set-cookie']).toBeUndefined();
        }
        const alone = request(sample().url)
          .post('/auth/refresh')
          .set('Cookie', `__Secure-refresh=${alice.refreshToken}`);
        expectProblem(await alone, 401, 'session_invalid');
        const twice = request(sample().url)
          .post('/auth/refresh')
          .set(
            'Cookie',
            `__Host-session=${alice.token}; __Secure-refresh=${alice.refreshToken}; __Secure-refresh=x`,
          );
        expectProblem(await twice, 401, 'session_invalid');
        for (const client of [alice, other, eve]) await client.askRefresh().expect(200);
      });

      it.each([
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Site', 'same-site'],
        ['Origin', 'https://evil.example'],
      ])('refuses a foreign page: %s: %s', async (header, value) => {
        const alice = await login();
        expectProblem(await alice.askRefresh().set(header, value), 403, 'cross_origin');
        const nobody = request(sample().url).post('/auth/refresh').set(header, value);
        expectProblem(await nobody, 403, 'cross_origin');
        await alice.askRefresh().set('Sec-Fetch-Site', 'same-origin').expect(200);
      });

      it('refuses a token in the body besides, whatever it is', async () => {
        const alice = await login();
        for (const refreshToken of [alice.refreshToken, 'nonsense', 42]) {
          expectProblem(await alice.askRefresh().send({ refreshToken }), 400, 'ambiguous_credentials');
        }
        await alice.askRefresh().send({}).expect(200);
      });
    });

    it('without any is told that one is missing, and a body that cannot be one that it is not valid', async () => {
      const post = () => request(sample().url).post('/auth/refresh');
      expectProblem(await post(), 401, 'session_missing');
      expectProblem(await post().send({}), 401, 'session_missing');
      expectProblem(await post().send({ refreshToken: 42 }), 400, 'bad_request');
      expectProblem(await post().send({ refreshToken: 'x', more: 1 }), 400, 'bad_request');
      const form = await post().type('form').send('refreshToken=x');
      expect(form.status).toBe(415);
      expect((await post()).headers['ratelimit-policy']).toMatch(/"refreshes";q=100000;w=60/);
    });
  },
  { env, alsoWithJwts: true },
);

describeSample(
  'an access token that has run out',
  (sample) => {
    it.each(TRANSPORTS)('still logs out, and ends the refresh tokens (%s)', async (transport) => {
      const alice = await sample().as('alice', { transport });
      await sleep(350);
      expectProblem(await alice.get('/auth/me'), 401, 'session_expired');
      const reply = await alice.post('/auth/logout').expect(204);
      expect(cookieOf(reply, '__Secure-refresh')).toBe(transport === 'cookie' ? '' : undefined);
      expectProblem(await alice.askRefresh(), 401, 'session_revoked');
    });

    it('is good enough for its cookies to be refreshed, and is shown as a live session', async () => {
      const alice = await sample().as('bob', { transport: 'cookie' });
      await sleep(350);
      expect(await alice.denial()).toBe('session_expired');
      alice.keep(await alice.askRefresh().expect(200));
      const { sessions } = (await alice.get('/sessions').expect(200)).body as { sessions: { id: string }[] };
      expect(sessions.map(({ id }) => id)).toContain(alice.sessionId);
    });

    it('does not leave its session behind at the next login of the same browser', async () => {
      const first = await sample().as('mia', { transport: 'cookie' });
      await sleep(350);
      const { token } = first;
      const again = await request(sample().url)
        .post('/auth/login')
        .set('Cookie', `__Host-session=${token}`)
        .send({ username: 'mia', password: 'correct-horse-mia' })
        .expect(200);
      expect(again.body).not.toHaveProperty('token');
      expectProblem(await first.askRefresh(), 401, 'session_revoked');
    });
  },
  { env, alsoWithJwts: true, session: { refresh: { accessTokenTtl: 300 } } },
);

describe('without REFRESH=on', () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(() => sample.stop());

  it('there is no such route, and nobody gets a refresh token', async () => {
    const alice = await sample.as('alice');
    expect(alice.refreshToken).toBeUndefined();
    expectProblem(await sample.anybody().post('/auth/refresh', { refreshToken: 'x' }), 404, 'not_found');
    const cookie = await sample.as('alice', { transport: 'cookie' });
    expect(cookie.refreshToken).toBeUndefined();
    expect(cookieLines(await cookie.post('/auth/logout'))).toHaveLength(1);
  });
});

describe('the quota of refreshes', () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start({ env: { ...env, SESSION_QUOTA: '3' } });
  });
  afterAll(() => sample.stop());

  it('is by client IP', async () => {
    const ask = () => request(sample.url).post('/auth/refresh').send({ refreshToken: 'x' });
    for (let i = 0; i < 3; i++) expectProblem(await ask(), 401, 'session_invalid');
    const refused = await ask();
    expect({ status: refused.status, code: refused.body.code }).toEqual({
      status: 429,
      code: 'rate_limited',
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });
});

import type request from 'supertest';
import { Client, cookieOf, expectProblem } from '../sample/support/client.js';
import { describeSample, newName, PASSWORD } from '../sample/support/sample.js';

const TOKEN = /^(lk_[A-Za-z0-9_-]{81}|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86})$/;

describeSample(
  '/auth',
  (sample) => {
    describe('POST /auth/keep-alive', () => {
      it('is 204 for a session, and 401 without one', async () => {
        const alice = await sample().as('alice');
        const reply = await alice.post('/auth/keep-alive', {}).expect(204);
        expect(reply.text).toBe('');
        expectProblem(await sample().anybody().post('/auth/keep-alive'), 401, 'session_missing');
      });
    });

    describe('the cross-origin rule', () => {
      const login = (
        transport: string,
        body: object = { username: 'alice', password: 'correct-horse-alice' },
      ) =>
        sample()
          .anybody()
          .post('/auth/login', { ...body, transport });

      it.each([
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Site', 'same-site'],
        ['Sec-Fetch-Site', 'none'],
        ['Origin', 'https://evil.example'],
        ['Origin', 'null'],
      ])(
        'refuses a login for a cookie with %s: %s, before it looks at anything else',
        async (header, value) => {
          const reply = await login('cookie').set(header, value);
          expectProblem(reply, 403, 'cross_origin');
          expect(reply.headers['set-cookie']).toBeUndefined();
          expectProblem(await login('cookie', { nonsense: 1 }).set(header, value), 403, 'cross_origin');
          await login('bearer').set(header, value).expect(200);
        },
      );

      it('lets our own origin and what is no browser in', async () => {
        await login('cookie').set('Sec-Fetch-Site', 'same-origin').expect(200);
        await login('cookie').set('Origin', sample().url).expect(200);
        await login('cookie').expect(200);
      });

      it('holds for whatever else carries the cookie', async () => {
        const alice = await sample().as('alice', { transport: 'cookie' });
        const foreign = (test: request.Test) => test.set('Sec-Fetch-Site', 'cross-site');
        const logout = await foreign(alice.post('/auth/logout'));
        expectProblem(logout, 403, 'cross_origin');
        expect(logout.headers['set-cookie']).toBeUndefined();
        const account = { username: newName(), password: PASSWORD };
        expectProblem(await foreign(alice.post('/auth/register', account)), 403, 'cross_origin');
        expectProblem(
          await foreign(alice.post('/auth/login', { ...account, transport: 'bearer' })),
          403,
          'cross_origin',
        );
        await foreign(alice.get('/auth/me')).expect(200);
        expect(await alice.denial()).toBeUndefined();
      });

      it('refuses two credentials', async () => {
        const alice = await sample().as('alice', { transport: 'cookie' });
        for (const test of [
          alice.get('/auth/me'),
          alice.post('/auth/login', {}),
          alice.post('/auth/logout'),
        ]) {
          expectProblem(
            await test.set('Authorization', `Bearer ${alice.token}`),
            400,
            'ambiguous_credentials',
          );
        }
        expect(await alice.denial()).toBeUndefined();
      });
    });

    describe('POST /auth/logout', () => {
      it.each(['cookie', 'bearer'] as const)('ends this session and no other (%s)', async (transport) => {
        const [here, there] = [await sample().as('alice', { transport }), await sample().as('alice')];
        const reply = await here.post('/auth/logout').expect(204);
        expect(reply.text).toBe('');
        expect(cookieOf(reply)).toBe(transport === 'cookie' ? '' : undefined);
        expect(await here.denial()).toBe('session_revoked');
        expect(await there.denial()).toBeUndefined();
      });

      it('takes the cookie back although the session was dead before', async () => {
        const alice = await sample().as('alice', { transport: 'cookie' });
        await alice.post('/auth/logout').expect(204);
        const again = await alice.post('/auth/logout');
        expectProblem(again, 401, 'session_revoked');
        expect(cookieOf(again)).toBe('');
        expect(String(again.headers['set-cookie'])).toMatch(
          /Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=0/,
        );
        alice.token = 'nonsense';
        const unknown = await alice.post('/auth/logout');
        expectProblem(unknown, 401, 'session_invalid');
        expect(cookieOf(unknown)).toBe('');
      });
    });

    it('GET /auth/me says who I am, and with which session', async () => {
      const alice = await sample().as('alice', { deviceName: 'Phone' });
      const reply = await alice.get('/auth/me').expect(200);
      expect(reply.body.user).toEqual({
        id: alice.userId,
        username: 'alice',
        roles: ['user'],
        status: 'active',
      });
      expect(reply.body.session).toMatchObject({
        id: alice.sessionId,
        current: true,
        device: { name: 'Phone' },
      });
      expect(reply.headers['cache-control']).toBe('no-store');
    });

    it.each([
      ['no token', undefined, 'session_missing'],
      ['a malformed one', 'lk_short', 'session_invalid'],
      ['an unknown one', `lk_${'B'.repeat(81)}`, 'session_invalid'],
    ])('denies a request with %s', async (_what, token, code) => {
      const client: Client = sample().anybody();
      client.token = token;
      expectProblem(await client.get('/auth/me'), 401, code);
    });

    it('does not take a session id for a credential', async () => {
      const alice = await sample().as('alice');
      const client = sample().anybody();
      client.token = alice.sessionId;
      expect(await client.denial()).toBe('session_invalid');
    });

    describe.each(['cookie', 'bearer'] as const)('a new token (%s)', (transport) => {
      const tokenIn = (reply: request.Response): string | undefined =>
        transport === 'cookie' ? cookieOf(reply) : reply.body.token;

      it('comes with POST /auth/reauthenticate, and the old one is dead', async () => {
        const [here, there] = [await sample().as('alice', { transport }), await sample().as('alice')];
        const old = here.copy();
        const reply = await here
          .post('/auth/reauthenticate', { password: 'correct-horse-alice' })
          .expect(200);
        expect(Object.keys(reply.body).sort()).toEqual(
          transport === 'cookie' ? ['expiresAt'] : ['expiresAt', 'token'],
        );
        expect(reply.headers['set-cookie'] === undefined).toBe(transport === 'bearer');
        here.token = tokenIn(reply);
        expect(here.token).toMatch(TOKEN);
        const me = await here.get('/auth/me').expect(200);
        expect(me.body.session.id).toBe(here.sessionId);
        expect(await old.denial()).toMatch(/^session_(invalid|revoked)$/);
        expect(await there.denial()).toBeUndefined();
      });

      it('comes with PUT /auth/password, and every other session is dead', async () => {
        const here = await sample().newcomer();
        const there = await new Client(sample().url).login(here.username, PASSWORD);
        if (transport === 'cookie') await here.login(here.username, PASSWORD, { transport });
        const old = here.copy();
        const change = { currentPassword: PASSWORD, newPassword: 'another good password' };
        const reply = await here.put('/auth/password', change).expect(200);
        expect(Object.keys(reply.body).sort()).toEqual(
          transport === 'cookie' ? ['expiresAt'] : ['expiresAt', 'token'],
        );
        here.token = tokenIn(reply);
        expect(await here.denial()).toBeUndefined();
        expect(await old.denial()).toMatch(/^session_(invalid|revoked)$/);
        expect(await there.denial()).toBe('session_revoked');
        expect((await here.get('/sessions')).body.sessions).toHaveLength(1);
        const login = (password: string) =>
          sample().anybody().post('/auth/login', { username: here.username, password, transport: 'bearer' });
        expectProblem(await login(PASSWORD), 401, 'bad_credentials');
        await login('another good password').expect(200);
      });
    });

    it.each([
      ['post', '/auth/reauthenticate', { password: 'wrong password' }],
      ['put', '/auth/password', { currentPassword: 'wrong password', newPassword: 'another good password' }],
    ] as const)('%s %s refuses a wrong password and changes nothing', async (method, path, body) => {
      const alice = await sample().as('alice');
      const reply = await alice[method](path, body);
      expectProblem(reply, 401, 'bad_credentials');
      expect(reply.headers['set-cookie']).toBeUndefined();
      expect(await alice.denial()).toBeUndefined();
      await sample().as('alice');
    });

    it.each([
      ['post', '/auth/reauthenticate', {}, 'password'],
      ['put', '/auth/password', { currentPassword: 'x', newPassword: 'short' }, 'newPassword'],
      ['put', '/auth/password', { newPassword: 'another good password' }, 'currentPassword'],
    ] as const)('%s %s validates its body', async (method, path, body, field) => {
      const alice = await sample().as('alice');
      const reply = await alice[method](path, body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
    });

    it('lets one of two password changes at the same time win', async () => {
      const one = await sample().newcomer();
      const two = await new Client(sample().url).login(one.username, PASSWORD);
      const change = (client: Client, newPassword: string) =>
        client.put('/auth/password', { currentPassword: PASSWORD, newPassword });
      const replies = await Promise.all([
        change(one, 'the password of one'),
        change(two, 'the password of two'),
      ]);
      const winner = replies.findIndex(({ status }) => status === 200);
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
      expect([401, 409]).toContain(replies[1 - winner]?.status);
      const right = ['the password of one', 'the password of two'][winner] as string;
      await sample().anybody().login(one.username, right);
      expect(await [two, one][winner]?.denial()).toBe('session_revoked');
    });
  },
  { alsoWithJwts: true },
);

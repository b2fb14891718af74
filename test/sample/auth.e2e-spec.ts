import request from 'supertest';
import { Client, cookieOf, expectProblem } from './support/client.js';
import { describeSample, newName, PASSWORD } from './support/sample.js';

const TOKEN = /^lk_[A-Za-z0-9_-]{81}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describeSample('/auth', (sample) => {
  describe('POST /auth/register', () => {
    it('makes an active user', async () => {
      const username = newName();
      const reply = await sample()
        .anybody()
        .post('/auth/register', { username, password: PASSWORD })
        .expect(201);
      expect(reply.body).toEqual({
        user: {
          id: expect.stringMatching(/^[A-Za-z0-9_-]{16}$/),
          username,
          roles: ['user'],
          status: 'active',
        },
      });
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.headers['set-cookie']).toBeUndefined();
    });

    it('takes a name in any spelling for the same name', async () => {
      const name = newName();
      const client = sample().anybody();
      const reply = await client
        .post('/auth/register', { username: name.toUpperCase().replace('P', 'Ｐ'), password: PASSWORD })
        .expect(201);
      expect(reply.body.user.username).toBe(name);
      expectProblem(
        await client.post('/auth/register', { username: name, password: PASSWORD }),
        409,
        'conflict',
      );
      await sample().anybody().login(name.toUpperCase(), PASSWORD);
    });

    it('gives a name once, however many ask at the same time', async () => {
      const username = newName();
      const replies = await Promise.all(
        Array.from({ length: 8 }, () =>
          sample().anybody().post('/auth/register', { username, password: PASSWORD }),
        ),
      );
      expect(replies.map(({ status }) => String(status)).sort()).toEqual(['201', ...Array(7).fill('409')]);
    });

    it.each([
      ['username', { username: 'ab', password: PASSWORD }],
      ['username', { username: 'a'.repeat(33), password: PASSWORD }],
      ['username', { username: 'with space', password: PASSWORD }],
      ['username', { username: 'dots.in', password: PASSWORD }],
      ['username', { username: '\u{1F600}\u{1F600}\u{1F600}', password: PASSWORD }],
      ['username', { username: 'ﷺ'.repeat(200), password: PASSWORD }],
      ['username', { username: ['alice'], password: PASSWORD }],
      ['username', { password: PASSWORD }],
      ['password', { username: 'somebody', password: 'seven77' }],
      ['password', { username: 'somebody', password: 'x'.repeat(129) }],
      ['password', { username: 'somebody', password: 12345678 }],
      ['password', { username: 'somebody', password: null }],
      ['roles', { username: 'somebody', password: PASSWORD, roles: ['admin'] }],
      ['constructor', { username: 'somebody', password: PASSWORD, constructor: 'x' }],
    ])('refuses a wrong %s', async (field, body) => {
      const reply = await sample().anybody().post('/auth/register', body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
    });
  });

  describe('POST /auth/login', () => {
    it('gives a browser a cookie and no token in the body', async () => {
      const reply = await sample()
        .anybody()
        .post('/auth/login', { username: 'alice', password: 'correct-horse-alice', deviceName: 'Laptop' })
        .set('User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')
        .expect(200);
      expect(reply.body).toEqual({
        user: { id: expect.any(String), username: 'alice', roles: ['user'], status: 'active' },
        session: {
          id: expect.any(String),
          current: true,
          device: { name: 'Laptop', userAgent: 'Firefox 140 on Linux', ip: '127.0.0.1' },
          createdAt: expect.stringMatching(ISO),
          lastSeenAt: expect.stringMatching(ISO),
          expiresAt: expect.stringMatching(ISO),
          absoluteExpiresAt: expect.stringMatching(ISO),
        },
      });
      expect(reply.headers['set-cookie']).toEqual([
        expect.stringMatching(
          /^__Host-session=lk_[\w-]{81}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=86400$/,
        ),
      ]);
      expect(reply.text).not.toContain('lk_');
      expect(reply.headers['cache-control']).toBe('no-store');
    });

    it('gives a bearer client its token in the body and no cookie', async () => {
      const reply = await sample()
        .anybody()
        .post('/auth/login', { username: 'alice', password: 'correct-horse-alice', transport: 'bearer' })
        .expect(200);
      expect(Object.keys(reply.body).sort()).toEqual(['expiresAt', 'session', 'token', 'user']);
      expect(reply.body.token).toMatch(TOKEN);
      expect(reply.body.expiresAt).toBe(reply.body.session.expiresAt);
      expect(reply.headers['set-cookie']).toBeUndefined();
      expect(reply.headers['cache-control']).toBe('no-store');
    });

    it('keeps a remembered login for longer', async () => {
      const reply = await sample()
        .anybody()
        .post('/auth/login', { username: 'alice', password: 'correct-horse-alice', rememberMe: true })
        .expect(200);
      expect(String(reply.headers['set-cookie'])).toContain(`Max-Age=${30 * 86_400}`);
      const { createdAt, absoluteExpiresAt } = reply.body.session;
      expect(Date.parse(absoluteExpiresAt) - Date.parse(createdAt)).toBe(30 * 86_400_000);
    });

    it('answers a wrong name and a wrong password alike, to the letter', async () => {
      const attempts = [
        { username: 'alice', password: 'correct-horse-bob' },
        { username: 'nobody-of-that-name', password: 'correct-horse-bob' },
        { username: 'no name at all!', password: 'correct-horse-bob' },
        { username: '__proto__', password: 'correct-horse-bob' },
      ];
      const replies = [];
      for (const attempt of attempts) replies.push(await sample().anybody().post('/auth/login', attempt));
      for (const reply of replies) expectProblem(reply, 401, 'bad_credentials');
      expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
      expect(new Set(replies.map(({ headers }) => JSON.stringify({ ...headers, date: '' }))).size).toBe(1);
    });

    it('takes as long for a name that does not exist', async () => {
      const time = async (username: string): Promise<number> => {
        const startedAt = performance.now();
        await sample().anybody().post('/auth/login', { username, password: 'wrong password' }).expect(401);
        return performance.now() - startedAt;
      };
      const times = { known: [] as number[], unknown: [] as number[] };
      for (let round = 0; round < 15; round++) {
        times.known.push(await time('alice'));
        times.unknown.push(await time('nobody-of-that-name'));
      }
      const median = (list: number[]): number =>
        list.sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;
      const [known, unknown] = [median(times.known), median(times.unknown)];
      expect(Math.abs(known - unknown)).toBeLessThan(0.5 * Math.max(known, unknown));
    });

    it.each([
      ['password', { username: 'alice' }],
      ['username', { username: '', password: 'x' }],
      ['password', { username: 'alice', password: { $ne: null } }],
      ['transport', { username: 'alice', password: 'x', transport: 'pigeon' }],
      ['transport', { username: 'alice', password: 'x', transport: null }],
      ['rememberMe', { username: 'alice', password: 'x', rememberMe: 'yes' }],
      ['deviceName', { username: 'alice', password: 'x', deviceName: 'n'.repeat(65) }],
      ['otp', { username: 'alice', password: 'x', otp: '1' }],
    ])('refuses a wrong %s', async (field, body) => {
      const reply = await sample().anybody().post('/auth/login', body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
    });

    it('tells a blocked user so only after a right password', async () => {
      const mia = await sample().as('mia');
      const target = await sample().newcomer();
      await mia.post(`/moderation/users/${target.userId}/block`, { reason: 'Spam' }).expect(200);
      const login = (password: string) =>
        sample().anybody().post('/auth/login', { username: target.username, password });
      expectProblem(await login('wrong password'), 401, 'bad_credentials');
      const reply = await login(PASSWORD);
      expectProblem(reply, 403, 'user_blocked');
      expect(reply.body.block).toEqual({ reason: 'Spam' });
      expect(reply.headers['set-cookie']).toBeUndefined();
    });

    describe('with a session already (fixation)', () => {
      it.each(['cookie', 'bearer'] as const)('ends the one that came with it (%s)', async (transport) => {
        const planted = await sample().as('bob', { transport });
        const other = await sample().as('bob');
        const reply = await planted
          .copy()
          .post('/auth/login', { username: 'alice', password: 'correct-horse-alice', transport })
          .expect(200);
        expect(reply.body.session.id).not.toBe(planted.sessionId);
        expect(await planted.denial()).toBe('session_revoked');
        expect(await other.denial()).toBeUndefined();
      });

      it('leaves it alone when the login fails', async () => {
        const bob = await sample().as('bob', { transport: 'cookie' });
        expectProblem(
          await bob.post('/auth/login', { username: 'alice', password: 'wrong password' }),
          401,
          'bad_credentials',
        );
        expect(await bob.denial()).toBeUndefined();
      });

      it('does not mind one that is no good', async () => {
        const client = sample().anybody();
        client.token = `lk_${'A'.repeat(81)}`;
        await client
          .post('/auth/login', { username: 'alice', password: 'correct-horse-alice', transport: 'bearer' })
          .expect(200);
      });
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
      for (const test of [alice.get('/auth/me'), alice.post('/auth/login', {}), alice.post('/auth/logout')]) {
        expectProblem(await test.set('Authorization', `Bearer ${alice.token}`), 400, 'ambiguous_credentials');
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
      const reply = await here.post('/auth/reauthenticate', { password: 'correct-horse-alice' }).expect(200);
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
});

import { OWASP_COST } from '../../src/config/app-config.js';
import { expectProblem } from '../sample/support/client.js';
import { describeSample, PASSWORD } from '../sample/support/sample.js';

const TOKEN = /^lk_[A-Za-z0-9_-]{81}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describeSample('login', (sample) => {
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
        expiresAt: expect.stringMatching(ISO), // when to come back for other tokens
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
      // Nobody who has just logged in: what that took of their quota comes back in the background.
      const attempts = [
        { username: 'bob', password: 'correct-horse-alice' },
        { username: 'nobody-of-that-name', password: 'correct-horse-alice' },
        { username: 'no name at all!', password: 'correct-horse-alice' },
        { username: '__proto__', password: 'correct-horse-alice' },
      ];
      const replies = [];
      for (const attempt of attempts) replies.push(await sample().anybody().post('/auth/login', attempt));
      for (const reply of replies) expectProblem(reply, 401, 'bad_credentials');
      expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
      // The time at which a quota is whole again goes by the clock, and so does what is left of one that they share.
      const shown = (headers: object) =>
        JSON.stringify({ ...headers, date: '' })
          .replaceAll(/\bt=\d+/g, 't=')
          .replace(/(login-ip\W+)r=\d+/, '$1r=');
      expect(shown(replies[0]!.headers)).toMatch(/login-ip\W+r=;/);
      const [first = '', ...others] = replies.map(({ headers }) => shown(headers));
      expect(others).toEqual(others.map(() => first));
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
});

describeSample(
  'a login at what a password costs in production',
  (sample) => {
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
  },
  { passwordCost: OWASP_COST },
);

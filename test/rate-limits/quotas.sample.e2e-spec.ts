import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../support/redis-server.js';
import { Sample } from '../sample/support/sample.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const running: Sample[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((sample) => sample.stop()));
  await server.client().flushall();
});

async function start(env: Record<string, string> = {}, count = 1): Promise<Sample[]> {
  for (let i = 0; i < count; i++) running.push(await Sample.start({ env }));
  return running;
}

describe.each(['memory', 'redis'])('the quotas, on %s', (storage) => {
  const env = (quotas: Record<string, string>) => ({
    ...quotas,
    REDIS_URL: storage === 'redis' ? server.url : '',
    TRUST_PROXY: '1',
  });

  it('let ten wrong passwords an hour through for an account and client IP, and give right ones back', async () => {
    const [sample] = await start(env({ LOGIN_QUOTA: '10' }));
    const login = (password: string, ip = '192.0.2.1', username = 'alice') =>
      sample!
        .anybody()
        .post('/auth/login', { username, password, transport: 'bearer' })
        .set('x-forwarded-for', ip);
    for (let i = 0; i < 15; i++) await login('correct-horse-alice').expect(200);
    for (let i = 0; i < 10; i++) await login('wrong-password').expect(401);
    const over = await login('correct-horse-alice').expect(429);
    expect(over.body).toMatchObject({ code: 'rate_limited', 'violated-policies': ['login'] });
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(60);
    expect(over.headers['ratelimit-policy']).toBe(
      '"login";q=10;w=3600, "login-ip";q=100;w=3600, "login-account";q=50;w=3600',
    );
    expect(over.headers['ratelimit']).toMatch(/^"login";r=0;t=\d+, /);
    // The victim comes in from elsewhere, and others from there.
    await login('correct-horse-alice', '192.0.2.2').expect(200);
    await login('correct-horse-bob', '192.0.2.1', 'bob').expect(200);
  });

  it('bound guessing at every route that takes a password by the same quota', async () => {
    const [sample] = await start(env({ LOGIN_QUOTA: '3' }));
    const alice = await sample!.as('alice');
    await alice.post('/auth/reauthenticate', { password: 'wrong-password' }).expect(401);
    const change = { currentPassword: 'wrong-password', newPassword: 'another-password' };
    await alice.put('/auth/password', change).expect(401);
    await sample!
      .anybody()
      .post('/auth/login', { username: 'alice', password: 'wrong-password' })
      .expect(401);
    await alice.post('/auth/reauthenticate', { password: 'correct-horse-alice' }).expect(429);
  });

  it('count parallel guesses before the passwords are looked at', async () => {
    const [sample] = await start(env({ LOGIN_QUOTA: '5' }));
    const guesses = Array.from({ length: 40 }, (_, i) =>
      sample!.anybody().post('/auth/login', { username: 'alice', password: `guess-number-${i}` }),
    );
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    const count = (wanted: number): number => statuses.filter((status) => status === wanted).length;
    // Of 40 logins at once, a busy machine may answer some too late: those have verified no password either.
    expect(count(401)).toBeLessThanOrEqual(5);
    expect(count(401) + count(503)).toBeGreaterThanOrEqual(5);
    expect(count(401) + count(429) + count(503)).toBe(40);
  });

  it('bound the requests of a session, and say what is left on every reply', async () => {
    const [sample] = await start(env({ SESSION_QUOTA: '4' }));
    const alice = await sample!.as('alice');
    const first = await alice.get('/auth/me').expect(200);
    expect(first.headers['ratelimit']).toBe('"requests";r=3;t=15');
    for (let i = 0; i < 3; i++) await alice.get('/posts').expect(200);
    await alice.get('/auth/me').expect(429);
    await (await sample!.as('alice')).get('/auth/me').expect(200);
  });
});

describe('120 posts at once on two nodes', () => {
  it('let 30 through, and what comes back meanwhile', async () => {
    const nodes = await start({ REDIS_URL: server.url, POST_QUOTA: '30' }, 2);
    const { token } = await nodes[0]!.as('alice', { transport: 'bearer' });
    const startedAt = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        nodes[i % 2]!.anybody()
          .post('/posts', { text: `post ${i}` })
          .auth(String(token), { type: 'bearer' }),
      ),
    );
    const refilled = Math.ceil((performance.now() - startedAt) / 2_000);
    const passed = replies.filter(({ status }) => status === 201).length;
    expect(passed).toBeGreaterThanOrEqual(30);
    expect(passed).toBeLessThanOrEqual(30 + refilled);
    const left: number[] = [];
    for (const { status, headers, body } of replies) {
      expect(headers['ratelimit-policy']).toBe('"posts";q=30;w=60');
      const [, r, t] = /^"posts";r=(\d+);t=(\d+)$/.exec(String(headers['ratelimit'])) ?? [];
      if (status === 201) {
        expect(headers).not.toHaveProperty('retry-after');
        left.push(Number(r));
        // Until all are there again, at one in two seconds; with none left, until the next.
        const expected = Number(r) === 0 ? 2 : 2 * (30 - Number(r));
        expect(Number(t)).toBeLessThanOrEqual(expected);
        expect(Number(t)).toBeGreaterThanOrEqual(Number(r) === 0 ? 0 : expected - 2);
        continue;
      }
      expect({ status, code: (body as { code: string }).code, r }).toEqual({
        status: 429,
        code: 'rate_limited',
        r: '0',
      });
      expect(headers['content-type']).toContain('application/problem+json');
      expect(body).toMatchObject({ 'violated-policies': ['posts'] });
      expect(headers['retry-after']).toMatch(/^[12]$/);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(Number(t));
      expect(Number(t)).toBeLessThanOrEqual(2);
    }
    // Each that passed was told another number, but for those that came back meanwhile.
    expect(new Set(left).size).toBe(30);
    await sleep(2_100);
    await nodes[0]!
      .anybody()
      .post('/posts', { text: 'one more' })
      .auth(String(token), { type: 'bearer' })
      .expect(201);
  });
});

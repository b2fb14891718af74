import { UsersService } from '../../src/users/users.service.js';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { IMPATIENT, PASSWORD, Sample } from '../sample/support/sample.js';

/** What our figure of 250 ms becomes on a machine that is busy with other tests. */
const BOUND_MS = 250 + 500;

async function timed<T>(work: PromiseLike<T>): Promise<readonly [result: T, ms: number]> {
  const startedAt = performance.now();
  return [await work, performance.now() - startedAt];
}

async function eventually(check: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('Redis away', () => {
  it('at boot: serves all the same, and has its demo accounts once Redis comes', async () => {
    const port = await freePort();
    const sample = await Sample.start({ env: { REDIS_URL: `redis://127.0.0.1:${port}` } });
    let redis: RedisServer | undefined;
    try {
      const nobody = sample.anybody();
      const health = await nobody.get('/health');
      expect(health.status).toBe(503);
      expect(health.body).toEqual({ status: 'error', storage: 'redis', redis: { status: 'down' } });
      await nobody.get('/').expect(200);
      const attempt = { username: 'alice', password: 'correct-horse-alice' };
      expectProblem(await nobody.post('/auth/login', attempt), 503, 'session_store_unavailable');
      redis = await RedisServer.start({ port });
      await eventually(async () => (await nobody.get('/health')).status === 200, 2_000);
      await eventually(async () => (await nobody.post('/auth/login', attempt)).status === 200, 2_000);
      await Promise.all(['bob', 'mia', 'root'].map((name) => sample.as(name)));
    } finally {
      await sample.stop();
      await redis?.stop();
    }
  });

  it.each(['dead', 'hung'])(
    'while it serves (%s): 503 in bounded time for every route, and recovery',
    async (how) => {
      const redis = await RedisServer.start();
      const sample = await Sample.start({ env: { REDIS_URL: redis.url, ...IMPATIENT } });
      try {
        const root = await sample.as('root');
        const target = await sample.newcomer();
        if (how === 'dead') await redis.kill();
        else redis.freeze();
        const nobody = sample.anybody();
        const requests = {
          me: () => root.get('/auth/me'),
          login: () => nobody.post('/auth/login', { username: 'alice', password: 'correct-horse-alice' }),
          register: () => nobody.post('/auth/register', { username: 'during-outage', password: PASSWORD }),
          logout: () => root.post('/auth/logout'),
          posts: () => root.get('/posts'),
          block: () => root.post(`/moderation/users/${target.userId}/block`, { reason: 'x' }),
          roles: () => root.put(`/admin/users/${target.userId}/roles`, { roles: ['admin'] }),
          missing: () => root.delete('/sessions/x'),
        };
        for (const request of Object.values(requests)) {
          const [reply, ms] = await timed(request());
          expectProblem(reply, 503, 'session_store_unavailable');
          expect(reply.headers['set-cookie']).toBeUndefined();
          expect(ms).toBeLessThan(BOUND_MS);
        }
        const [health, ms] = await timed(nobody.get('/health'));
        expect(health.body).toMatchObject({ status: 'error', redis: { status: 'down' } });
        expect(ms).toBeLessThan(BOUND_MS);
        expectProblem(await nobody.get('/auth/me'), 401, 'session_missing');
        expectProblem(await nobody.get('/nope'), 404, 'not_found');

        if (how === 'dead') await redis.restart();
        else redis.thaw();
        await eventually(async () => (await nobody.get('/health')).status === 200, 2_000);
        // What a kill took with it is gone; what hung goes on.
        expect(await root.denial()).toBe(how === 'dead' ? 'session_invalid' : undefined);
      } finally {
        redis.thaw();
        await sample.stop();
        await redis.stop();
      }
    },
  );

  it('does not hold up the end', async () => {
    const redis = await RedisServer.start();
    const sample = await Sample.start({ env: { REDIS_URL: redis.url, ...IMPATIENT } });
    redis.freeze();
    const [, ms] = await timed(sample.stop());
    expect(ms).toBeLessThan(2_000);
    redis.thaw();
    await redis.stop();
  });

  describe('in part, a user state lost and its account not', () => {
    let redis: RedisServer;
    let sample: Sample;
    let root: Client;
    let target: Client;

    beforeEach(async () => {
      redis = await RedisServer.start();
      sample = await Sample.start({ env: { REDIS_URL: redis.url } });
      root = await sample.as('root');
      target = await sample.newcomer();
      const userRef = (target.token as string).slice(3, 25);
      expect(await redis.client().del(`lk:{${userRef}}:user`)).toBe(1);
    });
    afterEach(async () => {
      await sample.stop();
      await redis.stop();
    });

    const login = () =>
      sample.anybody().post('/auth/login', { username: target.username, password: PASSWORD });
    const listed = async () => {
      const { body } = await root.get('/moderation/users').expect(200);
      return (body.users as { id: string }[]).find(({ id }) => id === target.userId);
    };

    it('nobody gets in until an admin sets their roles', async () => {
      expect(await target.denial()).toBe('session_invalid');
      expectProblem(await login(), 503, 'session_store_unavailable');
      await root.put(`/admin/users/${target.userId}/roles`, { roles: ['user', 'moderator'] }).expect(200);
      expect(await target.denial()).toBe('session_invalid');
      await target.login(target.username, PASSWORD);
      await target.get('/moderation/users').expect(200);
    });

    it('no other act brings it back, a block that was lost with it forgotten', async () => {
      const moderator = await sample.newcomer(['moderator'], root);
      const path = `/moderation/users/${target.userId}`;
      for (const actor of [moderator, root]) {
        const acts = [
          actor.post(`${path}/block`, { reason: 'Spam' }),
          actor.delete(`${path}/block`),
          actor.delete(`${path}/sessions`),
        ];
        for (const act of acts) expectProblem(await act, 503, 'session_store_unavailable');
      }
      expectProblem(await login(), 503, 'session_store_unavailable');
      expect(await target.denial()).toBe('session_invalid');
    });

    it('an admin who was demoted meanwhile does not bring it back', async () => {
      const actor = await sample.newcomer(['admin'], root);
      const gate = hold(sample.app.get(UsersService), 'require', 'after');
      const late = actor
        .put(`/admin/users/${target.userId}/roles`, { roles: ['user'] })
        .then((reply) => reply);
      await gate.reached;
      await root.put(`/admin/users/${actor.userId}/roles`, { roles: ['user'] }).expect(200);
      gate.open();
      expectProblem(await late, 403, 'forbidden');
      expectProblem(await login(), 503, 'session_store_unavailable');
    });

    it('the list says so, and calls nobody active who is refused', async () => {
      const { userId: id, username } = target;
      expect(await listed()).toEqual({ id, username, roles: [], status: 'blocked', stateLost: true });
      await root.put(`/admin/users/${id}/roles`, { roles: ['user'] }).expect(200);
      expect(await listed()).toEqual({ id, username, roles: ['user'], status: 'active' });
    });
  });
});

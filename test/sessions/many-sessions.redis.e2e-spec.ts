import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { newSession, RELAXED_SETTINGS, times } from '../../libs/session/src/testing/contract/support.js';
import { RedisServer } from '../support/redis-server.js';

const CAP = 2_000;

let server: RedisServer;
let repository: SessionRepository;
beforeAll(async () => {
  server = await RedisServer.start();
  const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 };
  repository = await openRedisRepository(options, { ...RELAXED_SETTINGS, maxSessionsPerUser: CAP });
});
afterAll(async () => {
  await repository.close();
  await server.stop();
});

const logIn = (count: number) =>
  times(count, async () => {
    const created = await repository.create(newSession({ userId: 'ada' }).session);
    if (created.outcome !== 'created') throw new Error(`create answered ${created.outcome}`);
    return created;
  });

/** How often scripts read all fields of a hash meanwhile. */
async function looksDuring(act: () => Promise<unknown>): Promise<number> {
  const redis = server.client();
  await redis.config('RESETSTAT');
  await act();
  const [, calls = '0'] = /cmdstat_hgetall:calls=(\d+)/.exec(await redis.info('commandstats')) ?? [];
  return Number(calls);
}

/** Each login read the whole hash: 23 ms at 6,000 sessions. */
describe('the work for a user with thousands of sessions', () => {
  it('is that of a few fields for most logins, at the cap, too, and for blocks', async () => {
    for (let made = 200; made < CAP; made += 200) await logIn(200);
    const below = await looksDuring(() => logIn(200));
    const atCap = await looksDuring(async () => {
      const logins = await logIn(400);
      expect(logins.flatMap(({ evicted }) => evicted)).toHaveLength(400);
    });
    const block = { userId: 'ada', ifVersion: 'any', block: { reason: 'spam' } } as const;
    const blocked = await looksDuring(async () => {
      expect(await repository.users.change(block)).toMatchObject({ sessions: CAP });
    });
    expect([below, atCap, blocked]).toEqual([expect.any(Number), expect.any(Number), 0]);
    expect(below).toBeLessThanOrEqual(2);
    expect(atCap).toBeLessThanOrEqual(4);
  });

  it('looks at all of them once more after their end, and forgets all but the newest', async () => {
    await repository.users.change({ userId: 'ada', ifVersion: 'any', block: null });
    expect(await looksDuring(() => logIn(1))).toBe(1);
    const [key = ''] = await server.client().keys('lk:*:user');
    expect(await server.client().hlen(key)).toBeLessThan(2 * RELAXED_SETTINGS.maxEndedSessions + 10);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import { newSession, RELAXED_SETTINGS } from '../../libs/session/src/testing/contract/support.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

/** It was noticed only after the next reconnection. */
it('Redis is refused while it evicts, without a reconnection, and used again by itself', async () => {
  const log: string[] = [];
  const repository = await openRedisRepository(
    {
      redis: server.url,
      keyPrefix: 'lk',
      commandTimeoutMs: 2_000,
      inspectEveryMs: 50,
      log: (line) => log.push(line),
    },
    RELAXED_SETTINGS,
  );
  try {
    const { session, proof } = newSession();
    await repository.create(session);
    const check = () => repository.authenticate(proof, { touchIfRoles: [], quotas: [] });
    const redis = server.client();
    await redis.config('RESETSTAT');
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    const becomes = async (line: RegExp) => {
      while (!log.some((one) => line.test(one))) await sleep(5);
    };
    await becomes(/evicts keys \(maxmemory-policy volatile-ttl\)/);
    await expect(check()).rejects.toMatchObject({ code: 'session_store_unavailable' });
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await becomes(/right settings again/);
    await expect(check()).resolves.toMatchObject({ status: 'live' });
    expect(await redis.info('stats')).toContain('total_connections_received:0');
    expect(log).toHaveLength(2);
  } finally {
    await repository.close();
  }
});

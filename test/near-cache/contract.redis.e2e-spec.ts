import { setTimeout as sleep } from 'node:timers/promises';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';
import { redisStorage, withLeases } from '../../libs/session/src/storage/open-storage.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import { describeRepositoryContract } from '../../libs/session/src/testing/contract/repository.js';
import { RedisServer } from '../support/redis-server.js';

/** Short: an act on a user whose record is as young as the lease waits for that long. */
const LEASE_MS = 20;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

describeRepositoryContract('redis with a near cache', async (settings) => {
  await server.client().flushall();
  await server.client().set('lk:{live}:near', LEASE_MS); // as if another process had announced it long ago
  const inner = await openRedisRepository(
    { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 },
    settings,
  );
  const { audit } = checkOptions({});
  const { sessions } = await withLeases(redisStorage(inner, audit), { leaseMs: LEASE_MS, maxEntries: 100 });
  return { repository: sessions, advance: (ms) => sleep(ms), close: () => sessions.close() };
});

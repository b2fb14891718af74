import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import { describeRepositoryContract } from '../../libs/session/src/testing/contract/repository.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

describeRepositoryContract('redis', async (settings) => {
  await server.client().flushall();
  const repository = await openRedisRepository(
    { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 },
    settings,
  );
  return { repository, advance: (ms) => sleep(ms), close: () => repository.close() };
});

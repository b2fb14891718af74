import { setTimeout as sleep } from 'node:timers/promises';
import { FakeClock } from '@latchkey/session/testing';
import { MemoryAuditRepository } from '../../libs/session/src/storage/memory/audit-repository.js';
import { RedisServer } from '../support/redis-server.js';
import { describeAuditContract } from '../../libs/session/src/testing/contract/audit.js';
import { auditOn } from './support/audit-on.js';

describeAuditContract('memory', (settings) => {
  const clock = new FakeClock();
  return {
    repository: new MemoryAuditRepository(settings, clock),
    advance: (ms) => clock.advance(ms),
    close: () => undefined,
  };
});

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

describeAuditContract('redis', async (settings) => {
  await server.client().flushall();
  const { repository, close } = await auditOn(server.url, settings);
  return { repository, advance: (ms) => sleep(ms), close };
});

import { setTimeout as sleep } from 'node:timers/promises';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';
import { redisStorage, withLeases } from '../../libs/session/src/storage/open-storage.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import { describeAddresses } from '../../libs/session/src/testing/contract/addresses.js';
import { describeAuthentication } from '../../libs/session/src/testing/contract/authentication.js';
import { describeEvents } from '../../libs/session/src/testing/contract/events.js';
import { describeIpLists } from '../../libs/session/src/testing/contract/ip-lists.js';
import { describeLimits } from '../../libs/session/src/testing/contract/limits.js';
import { describeLoads } from '../../libs/session/src/testing/contract/loads.js';
import { describeRefresh } from '../../libs/session/src/testing/contract/refresh.js';
import { describeRevocation } from '../../libs/session/src/testing/contract/revocation.js';
import { describeSessions } from '../../libs/session/src/testing/contract/sessions.js';
import { describeSourceVersions } from '../../libs/session/src/testing/contract/source-versions.js';
import {
  ContractTest,
  type OpenContract,
  RELAXED_SETTINGS,
} from '../../libs/session/src/testing/contract/support.js';
import { describeUsers } from '../../libs/session/src/testing/contract/users.js';
import { RedisServer } from '../support/redis-server.js';

/** Short: an act on a user whose record is as young as the lease waits for that long. */
const LEASE_MS = 20;

let server: RedisServer;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});
afterAll(() => server.stop());

const open: OpenContract = async (given = {}) => {
  const settings = { ...RELAXED_SETTINGS, ...given };
  await server.client().flushall();
  const inner = await openRedisRepository(
    { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 },
    settings,
  );
  const { audit } = checkOptions({});
  const { sessions } = await withLeases(redisStorage(inner, audit), {
    leaseMs: LEASE_MS,
    maxEntries: 100,
    firstWaitMs: 0,
  });
  closing.push(() => sessions.close());
  return new ContractTest({ repository: sessions, advance: (ms) => sleep(ms), close: async () => undefined });
};

/** The parts of the contract that a copy in memory could break; data, quotas and exports are never answered from one. */
describe('a near cache on Redis keeps the contract of', () => {
  describeSessions(open);
  describeLimits(open);
  describeAuthentication(open);
  describeRevocation(open);
  describeRefresh(open);
  describeUsers(open);
  describeSourceVersions(open);
  describeLoads(open);
  describeEvents(open);
  describeAddresses(open);
  describeIpLists(open);
});

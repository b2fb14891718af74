import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiter } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import * as fc from 'fast-check';
import type { QuotaPolicy, QuotaResult, UserQuota } from '../../libs/session/src/model/quota.js';
import { MemorySessionRepository } from '../../libs/session/src/storage/memory/session-repository.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type {
  SessionRepository,
  TokenProof,
} from '../../libs/session/src/storage/contract/session-repository.js';
import { newSession, RELAXED_SETTINGS } from '../../libs/session/src/testing/contract/support.js';
import { RedisServer } from '../support/redis-server.js';

/** Repositories that share one state, as those of several nodes do, and their time. */
interface Nodes {
  readonly repositories: readonly SessionRepository[];
  now(): number;
  advance(ms: number): Promise<void>;
}

/** What was let through: when it was sent and answered, so that it was counted in between. */
interface Passed {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly cost: number;
}

let server: RedisServer;
let redisNodes: SessionRepository[];
beforeAll(async () => {
  server = await RedisServer.start();
  const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: 2_000 };
  redisNodes = await Promise.all([0, 1, 2].map(() => openRedisRepository(options, RELAXED_SETTINGS)));
});
afterAll(async () => {
  await Promise.all(redisNodes.map((repository) => repository.close()));
  await server.stop();
});

const kinds = [
  {
    name: 'three nodes on one Redis, by its own clock',
    runs: 15,
    open: (): Nodes => ({
      repositories: redisNodes,
      now: () => performance.now(),
      advance: (ms) => (ms > 1 ? sleep(ms) : Promise.resolve()),
    }),
  },
  {
    name: 'memory',
    runs: 60,
    open: (): Nodes => {
      const clock = new FakeClock();
      return {
        repositories: [new MemorySessionRepository(RELAXED_SETTINGS, clock)],
        now: () => clock.now(),
        advance: async (ms) => clock.advance(ms),
      };
    },
  },
];

const policyOf = (name: string, windowMs: fc.Arbitrary<number>): fc.Arbitrary<QuotaPolicy> =>
  fc.record({
    name: fc.constant(name),
    quota: fc.integer({ min: 1, max: 25 }),
    windowMs,
    burst: fc.integer({ min: 1, max: 25 }),
  });
const SHORT = fc.integer({ min: 100, max: 1_000 });
/** In which nothing comes back while a test runs. */
const LONG = fc.constant(31 * 86_400_000);
const groups = <T>(call: fc.Arbitrary<T>) =>
  fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 30 }),
      calls: fc.array(call, { minLength: 1, maxLength: 12 }),
    }),
    { minLength: 3, maxLength: 12 },
  );

/** In any span of time, however it is chosen, no more than burst + rate * t. */
function expectBounded(passed: readonly Passed[], { quota, windowMs, burst }: QuotaPolicy): void {
  for (const { sentAt: from } of passed) {
    for (const { answeredAt: to } of passed) {
      if (to < from) continue;
      const within = passed.filter(({ sentAt, answeredAt }) => sentAt >= from && answeredAt <= to);
      const total = within.reduce((sum, { cost }) => sum + cost, 0);
      expect(total).toBeLessThanOrEqual(burst + ((to - from) * quota) / windowMs + 1e-6);
    }
  }
}

/** Makes every call in its time, those of a group at once, from whichever node. */
async function makeAll<T>(
  nodes: Nodes,
  arrivals: readonly { readonly afterMs: number; readonly calls: readonly T[] }[],
  make: (repository: SessionRepository, call: T) => Promise<void>,
): Promise<void> {
  const made: Promise<void>[] = [];
  for (const { afterMs, calls } of arrivals) {
    await nodes.advance(afterMs);
    for (const call of calls) {
      const { repositories } = nodes;
      made.push(make(repositories[made.length % repositories.length] as SessionRepository, call));
    }
  }
  await Promise.all(made);
}

let usersMade = 0;
async function login(repository: SessionRepository, userId: string): Promise<TokenProof> {
  const { session, proof } = newSession({ userId });
  expect(await repository.create(session)).toMatchObject({ outcome: 'created' });
  return proof;
}

describe.each(kinds)('quotas of $name', ({ open, runs }) => {
  it('that live by themselves never let more than burst + rate * t through, for random arrivals and costs', async () => {
    const call = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(policyOf('alone', SHORT), groups(call), async (policy, arrivals) => {
        const nodes = open();
        const partition = { key: `client-${usersMade++}` };
        const passed: Passed[] = [];
        await makeAll(nodes, arrivals, async (repository, cost) => {
          const sentAt = nodes.now();
          const { allowed } = await repository.quota({ operation: 'consume', policy, partition, cost });
          if (allowed) passed.push({ sentAt, answeredAt: nodes.now(), cost });
        });
        expectBounded(passed, policy);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it('that are consumed with the check never do either, one or several, of the user or of each session', async () => {
    const quotas = fc.tuple(policyOf('one', SHORT), policyOf('two', SHORT), policyOf('each', SHORT));
    const call = fc.record({ session: fc.nat(1), brings: fc.subarray([0, 1, 2], { minLength: 1 }) });
    await fc.assert(
      fc.asyncProperty(quotas, groups(call), async ([one, two, each], arrivals) => {
        const nodes = open();
        const userId = `user-${usersMade++}`;
        const first = nodes.repositories[0] as SessionRepository;
        const proofs = [await login(first, userId), await login(first, userId)];
        const all: UserQuota[] = [
          { ...one, by: 'user' },
          { ...two, by: 'user' },
          { ...each, by: 'session' },
        ];
        const passed = new Map<string, Passed[]>();
        await makeAll(nodes, arrivals, async (repository, { session, brings }) => {
          const brought = brings.map((index) => all[index] as UserQuota);
          const sentAt = nodes.now();
          const results = await check(repository, proofs[session] as TokenProof, brought);
          if (!results.every(({ allowed }) => allowed)) return;
          for (const { name, by } of brought) {
            const share = by === 'session' ? `${name}-${session}` : name;
            const others = passed.get(share) ?? [];
            passed.set(share, [...others, { sentAt, answeredAt: nodes.now(), cost: 1 }]);
          }
        });
        for (const [share, ofShare] of passed) {
          expectBounded(ofShare, all.find(({ name }) => share.startsWith(name)) as QuotaPolicy);
        }
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it('of one request are consumed all or none: what is left is what the requests that passed have left', async () => {
    const quotas = fc.tuple(policyOf('one', LONG), policyOf('two', LONG), policyOf('each', LONG));
    const call = fc.record({ session: fc.nat(1), brings: fc.subarray([0, 1, 2], { minLength: 1 }) });
    await fc.assert(
      fc.asyncProperty(quotas, groups(call), async ([one, two, each], arrivals) => {
        const nodes = open();
        const userId = `user-${usersMade++}`;
        const first = nodes.repositories[0] as SessionRepository;
        const proofs = [await login(first, userId), await login(first, userId)];
        const all: UserQuota[] = [
          { ...one, by: 'user' },
          { ...two, by: 'user' },
          { ...each, by: 'session' },
        ];
        const consumed = new Map<string, number>();
        const exhausted: string[][] = [];
        const shareOf = ({ name, by }: UserQuota, session: number) =>
          by === 'session' ? `${name}-${session}` : name;
        await makeAll(nodes, arrivals, async (repository, { session, brings }) => {
          const brought = brings.map((index) => all[index] as UserQuota);
          const results = await check(repository, proofs[session] as TokenProof, brought);
          const shares = brought.map((quota) => shareOf(quota, session));
          const full = shares.filter((_, i) => !results[i]?.allowed);
          if (full.length > 0) exhausted.push(full);
          else for (const share of shares) consumed.set(share, (consumed.get(share) ?? 0) + 1);
        });
        const left = new Map<string, number>();
        for (const quota of all) {
          for (const session of [0, 1]) {
            const { sessionId } = proofs[session] as TokenProof;
            const partition = quota.by === 'session' ? { userId, sessionId } : { userId };
            const { remaining } = await first.quota({ operation: 'peek', policy: quota, partition, cost: 1 });
            left.set(shareOf(quota, session), remaining);
            expect(remaining).toBe(quota.burst - (consumed.get(shareOf(quota, session)) ?? 0));
          }
        }
        // And nobody was refused who need not have been.
        for (const full of exhausted) expect(full.map((share) => left.get(share))).toEqual(full.map(() => 0));
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it('that live apart are all or none in the end, and never more meanwhile, by RateLimiter.consumeAll', async () => {
    const quotas = fc.tuple(policyOf('one', LONG), policyOf('two', LONG));
    const call = fc.subarray([0, 1], { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(quotas, groups(call), async (policies, arrivals) => {
        const nodes = open();
        const partitionKey = `client-${usersMade++}`;
        const options = policies.map(({ name, quota, burst }) => ({
          name,
          quota,
          burst,
          window: '31d' as const,
        }));
        const consumed = [0, 0];
        await makeAll(nodes, arrivals, async (repository, brings) => {
          const shares = brings.map((index) => ({ quota: options[index]!, partitionKey }));
          try {
            await new RateLimiter(repository).consumeAll(shares);
          } catch (error) {
            expect(error).toMatchObject({ code: 'rate_limited' });
            return;
          }
          for (const index of brings) consumed[index]! += 1;
        });
        const limiter = new RateLimiter(nodes.repositories[0] as SessionRepository);
        for (const [index, quota] of options.entries()) {
          const { remaining } = await limiter.peek(quota, partitionKey);
          expect(remaining).toBe(quota.burst - consumed[index]!);
        }
      }),
      { numRuns: runs },
    );
  }, 60_000);
});

async function check(
  repository: SessionRepository,
  proof: TokenProof,
  quotas: readonly UserQuota[],
): Promise<readonly QuotaResult[]> {
  const lookup = await repository.authenticate(proof, { touchIfRoles: [], quotas });
  if (lookup.kind !== 'known') throw new Error(`authenticate answered ${lookup.kind}`);
  expect(lookup.quotas).toHaveLength(quotas.length);
  return lookup.quotas;
}

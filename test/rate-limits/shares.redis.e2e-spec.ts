import { setTimeout as sleep } from 'node:timers/promises';
import { type QuotaOptions, RateLimiter } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import { MemorySessionRepository } from '../../libs/session/src/storage/memory/session-repository.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { newSession, RELAXED_SETTINGS } from '../../libs/session/src/testing/contract/support.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

/** As the sample bounds guessing at passwords: narrowest first. */
const BY_BOTH: QuotaOptions = { name: 'login', quota: 10, window: '1h' };
const BY_IP: QuotaOptions = { name: 'login-ip', quota: 100, window: '1h' };
const BY_ACCOUNT: QuotaOptions = { name: 'login-account', quota: 50, window: '1h' };

const sharesOf = (ip: string, account: string) => [
  { quota: BY_BOTH, partitionKey: `${ip} ${account}` },
  { quota: BY_IP, partitionKey: ip },
  { quota: BY_ACCOUNT, partitionKey: account },
];

let server: RedisServer;
let repositories: SessionRepository[];
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.client().flushall();
  const options = { redis: server.url, keyPrefix: 'lk', commandTimeoutMs: PATIENT_MS };
  repositories = await Promise.all([0, 1].map(() => openRedisRepository(options, RELAXED_SETTINGS)));
});
afterEach(async () => {
  server.thaw();
  await Promise.all(repositories.map((repository) => repository.close()));
});
afterAll(() => server.stop());

/** Two nodes on one Redis. */
const nodes = (): [RateLimiter, RateLimiter] => [
  new RateLimiter(repositories[0] as SessionRepository),
  new RateLimiter(repositories[1] as SessionRepository),
];

async function eventually(what: () => Promise<number>, expected: number, withinMs = 10_000): Promise<void> {
  const until = performance.now() + withinMs;
  while ((await what().catch(() => NaN)) !== expected && performance.now() < until) await sleep(25);
  expect(await what()).toBe(expected);
}

describe('shares that are taken together', () => {
  it('are taken by 250 wrong attempts from one address without refusing 40 right ones from another', async () => {
    const [one, other] = nodes();
    const wrong = Promise.allSettled(
      Array.from({ length: 250 }, () => one.consumeAll(sharesOf('192.0.2.1', 'ada'))),
    );
    const right = (async () => {
      let refused = 0;
      for (let i = 0; i < 40; i++) {
        const shares = sharesOf('198.51.100.7', 'ada');
        try {
          await other.consumeAll(shares);
          await other.refundAll(shares);
        } catch {
          refused += 1;
        }
      }
      return refused;
    })();
    const attempts = await wrong;
    expect(await right).toBe(0);
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect((await one.peek(BY_ACCOUNT, 'ada')).remaining).toBe(40);
    expect((await one.peek(BY_IP, '192.0.2.1')).remaining).toBe(90);
  });

  it('are not touched beyond a refusal, and those before it are given back', async () => {
    const [limiter] = nodes();
    const broad = { quota: BY_ACCOUNT, partitionKey: 'ada' };
    const empty = { quota: { name: 'none', quota: 1, window: '1h' } as const, partitionKey: 'x' };
    const narrow = { quota: BY_BOTH, partitionKey: 'n' };
    await limiter.consume(empty.quota, 'x');
    const commands = await seen(() =>
      limiter.consumeAll([narrow, empty, broad]).catch((error: unknown) => {
        expect(error).toMatchObject({
          code: 'rate_limited',
          quotas: [{ allowed: true }, { allowed: false }],
        });
      }),
    );
    expect(commands).toBe(3); // two consumptions and one refund
    expect((await limiter.peek(BY_BOTH, 'n')).remaining).toBe(10);
    expect((await limiter.peek(BY_ACCOUNT, 'ada')).remaining).toBe(50);
  });

  it('come back after a Redis that stood still, though nobody knows whether they were taken', async () => {
    const [limiter] = nodes();
    await limiter.consumeAll(sharesOf('192.0.2.1', 'ada')); // one that stays taken
    server.freeze();
    const ends = await Promise.allSettled([
      ...Array.from({ length: 8 }, () => limiter.consumeAll(sharesOf('192.0.2.1', 'ada'))),
      ...Array.from({ length: 40 }, () => limiter.consume(BY_ACCOUNT, 'ada')),
    ]);
    for (const end of ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'session_store_unavailable' } });
    }
    await sleep(300);
    server.thaw();
    await eventually(async () => (await limiter.peek(BY_BOTH, '192.0.2.1 ada')).remaining, 9);
    await eventually(async () => (await limiter.peek(BY_ACCOUNT, 'ada')).remaining, 49);
    expect((await limiter.peek(BY_IP, '192.0.2.1')).remaining).toBe(99);
    await sleep(2_500); // however often it is tried again, never more than was taken
    expect((await limiter.peek(BY_BOTH, '192.0.2.1 ada')).remaining).toBe(9);
    expect((await limiter.peek(BY_ACCOUNT, 'ada')).remaining).toBe(49);
  });

  it('that could not be given back at once are given back later, once', async () => {
    const [limiter, other] = nodes();
    const shares = sharesOf('192.0.2.1', 'ada');
    await other.consumeAll(sharesOf('192.0.2.1', 'ada'));
    await limiter.consumeAll(shares);
    server.freeze();
    await limiter.refundAll(shares);
    await sleep(500);
    server.thaw();
    await eventually(async () => (await other.peek(BY_ACCOUNT, 'ada')).remaining, 49);
    await sleep(2_500);
    expect((await other.peek(BY_ACCOUNT, 'ada')).remaining).toBe(49);
    expect((await other.peek(BY_BOTH, '192.0.2.1 ada')).remaining).toBe(9);
  });
});

/** How many scripts a task makes Redis run. */
async function seen(task: () => Promise<unknown>): Promise<number> {
  const admin = server.client();
  const count = async (): Promise<number> =>
    [...(await admin.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  await admin.config('RESETSTAT');
  await task();
  return count();
}

describe.each(['Redis', 'memory'])('a cost, in %s', (place) => {
  const limiter = () =>
    place === 'memory'
      ? new RateLimiter(new MemorySessionRepository(RELAXED_SETTINGS, new FakeClock()))
      : nodes()[0];
  const small = { name: 'jobs', quota: 10, window: '10s', burst: 5 } as const;

  it('above the burst can never be allowed, and is a mistake', async () => {
    await expect(limiter().consume(small, 'ada', 6)).rejects.toThrow(/cost is 6.*burst.*5/);
    await expect(limiter().consume(small, 'ada', 6)).rejects.toBeInstanceOf(RangeError);
    await expect(limiter().consume(small, 'ada', 5)).resolves.toMatchObject({ allowed: true, remaining: 0 });
  });

  it.each([0, -1, 1.5, NaN, Infinity, '2' as never])('of %p is a mistake', async (cost) => {
    await expect(limiter().consume(small, 'ada', cost)).rejects.toThrow(/cost/);
    await expect(limiter().refund(small, 'ada', cost)).rejects.toThrow(/cost/);
  });

  it('says when so many are allowed, not when one is', async () => {
    const one = limiter();
    await one.consume(small, 'ada', 5);
    const { allowed, retryAfterMs } = await one.consume(small, 'ada', 4);
    expect(allowed).toBe(false);
    expect(retryAfterMs).toBeGreaterThan(3_500);
    expect(retryAfterMs).toBeLessThanOrEqual(4_000);
  });

  it('gives back no more than the burst', async () => {
    const one = limiter();
    await one.consume(small, 'ada', 2);
    await expect(one.refund(small, 'ada', 1_000)).resolves.toMatchObject({ remaining: 5, resetMs: 0 });
  });
});

describe("a server's clock that stepped back", () => {
  it('refuses for no longer than the burst takes to come back, by itself and in a check', async () => {
    const [limiter] = nodes();
    const repository = repositories[0] as SessionRepository;
    const admin = server.client();
    const policy = { name: 'acts', quota: 10, window: '10s' } as const;
    await limiter.consume(policy, 'ada');
    const [key] = await admin.keys('lk:quota:*');
    const ahead = (Date.now() + 3_600_000) * 1_000;
    await admin.set(key as string, String(ahead));
    const { allowed, retryAfterMs, resetMs } = await limiter.consume(policy, 'ada');
    expect(allowed).toBe(false);
    expect(retryAfterMs).toBeLessThanOrEqual(1_000);
    expect(resetMs).toBeLessThanOrEqual(10_000);

    const { session, proof } = newSession({ userId: 'ada' });
    await repository.create(session);
    const [user] = await admin.keys('lk:*:user');
    const tat = Buffer.alloc(8);
    tat.writeBigUInt64BE(BigInt(ahead));
    await admin.hset(user as string, 'q:acts', tat.subarray(1));
    const quotas = [{ name: 'acts', quota: 10, windowMs: 10_000, burst: 10, by: 'user' }] as const;
    const lookup = await repository.authenticate(proof, { touchIfRoles: [], quotas });
    expect(lookup).toMatchObject({ kind: 'known', quotas: [{ allowed: false }] });
    expect(lookup.kind === 'known' && lookup.quotas[0]?.retryAfterMs).toBeLessThanOrEqual(1_000);
    const outside = {
      operation: 'consume',
      policy: quotas[0],
      partition: { userId: 'ada' },
      cost: 1,
    } as const;
    const consumed = await repository.quota(outside);
    expect(consumed.allowed).toBe(false);
    expect(consumed.retryAfterMs).toBeLessThanOrEqual(1_000);
  });

  it('does so in memory, too', async () => {
    let now = Date.now() + 3_600_000;
    const repository = new MemorySessionRepository(RELAXED_SETTINGS, { now: () => now });
    const limiter = new RateLimiter(repository);
    const policy = { name: 'acts', quota: 10, window: '10s' } as const;
    await limiter.consume(policy, 'ada');
    now -= 3_600_000;
    const { allowed, retryAfterMs, resetMs } = await limiter.consume(policy, 'ada');
    expect(allowed).toBe(false);
    expect(retryAfterMs).toBeLessThanOrEqual(1_000);
    expect(resetMs).toBeLessThanOrEqual(10_000);
  });
});

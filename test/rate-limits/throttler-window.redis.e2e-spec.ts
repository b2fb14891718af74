import { setTimeout as sleep } from 'node:timers/promises';
import { redisClientOptions } from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import * as fc from 'fast-check';
import { BUSY_MS } from '../support/patience.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let storages: RedisThrottlerStorage[];
let key = '';
let keysMade = 0;

beforeAll(async () => {
  server = await RedisServer.start();
  storages = await Promise.all([0, 1, 2].map(() => open(server.url)));
});
afterAll(async () => {
  await Promise.all(storages.map((storage) => storage.onApplicationShutdown()));
  await server.stop();
});
beforeEach(() => {
  key = `client-${keysMade++}`;
});

async function open(
  redis: ConstructorParameters<typeof RedisThrottlerStorage>[0]['redis'],
): Promise<RedisThrottlerStorage> {
  const storage = new RedisThrottlerStorage({ redis, commandTimeoutMs: 1_000 });
  await storage.onModuleInit();
  return storage;
}

interface Throttler {
  readonly ttl: number;
  readonly limit: number;
  /** Default `ttl`, as the guard has it. */
  readonly blockDuration?: number;
  readonly name?: string;
}

let turn = 0;
/** From one node after the other. */
function hit({ ttl, limit, blockDuration = ttl, name = 'default' }: Throttler, client = key) {
  const storage = storages[turn++ % storages.length] as RedisThrottlerStorage;
  return storage.increment(client, ttl, limit, blockDuration, name);
}

async function hits(throttler: Throttler, count: number): Promise<number> {
  const records = await Promise.all(Array.from({ length: count }, () => hit(throttler)));
  return records.filter(({ isBlocked }) => !isBlocked).length;
}

describe('a sliding window', () => {
  it('never lets more than the limit through in any span of the ttl, for random arrivals at three nodes', async () => {
    const policies = fc.record({
      ttl: fc.integer({ min: 20, max: 120 }),
      limit: fc.integer({ min: 1, max: 40 }),
      blockDuration: fc.constantFrom(0, 0, 15, 150),
    });
    const arrivals = fc.array(
      fc.record({ afterMs: fc.integer({ min: 0, max: 20 }), count: fc.integer({ min: 1, max: 12 }) }),
      { minLength: 5, maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(policies, arrivals, async (policy, groups) => {
        const client = `random-${keysMade++}`;
        const sentAt: number[] = [];
        const answeredAt: number[] = [];
        const asked: Promise<void>[] = [];
        for (const { afterMs, count } of groups) {
          if (afterMs > 2) await sleep(afterMs);
          for (let i = 0; i < count; i++) {
            const sent = performance.now();
            asked.push(
              hit(policy, client).then(({ isBlocked, totalHits }) => {
                expect(isBlocked).toBe(totalHits > policy.limit);
                if (isBlocked) return;
                sentAt.push(sent);
                answeredAt.push(performance.now());
              }),
            );
          }
        }
        await Promise.all(asked);
        // In Redis, the nth was let in after the nth was sent and before the nth was answered.
        const [sent, answered] = [sentAt, answeredAt].map((instants) => instants.sort((a, b) => a - b));
        for (let i = policy.limit; i < sent!.length; i++) {
          expect(answered![i]! - sent![i - policy.limit]!).toBeGreaterThanOrEqual(policy.ttl);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('lets no burst of twice the limit through where a fixed window would end', async () => {
    const throttler = { ttl: 3_000, limit: 10, blockDuration: 0 };
    const startedAt = performance.now();
    const at = (ms: number) => sleep(startedAt + ms - performance.now());
    expect(await hits(throttler, 1)).toBe(1);
    await at(2_550);
    expect(await hits(throttler, 15)).toBe(9);
    await at(3_450);
    expect(await hits(throttler, 15)).toBe(1); // the first one's place, 900 ms after nine others
    await at(5_850);
    expect(await hits(throttler, 15)).toBe(9);
  });

  it('is exact under 300 hits at once', async () => {
    expect(await hits({ ttl: 60_000, limit: 37 }, 300)).toBe(37);
  });

  it('counts each hit, says when the oldest is past, and gives all back after one ttl', async () => {
    const throttler = { ttl: 1_500, limit: 3, blockDuration: 0 };
    expect(await hit(throttler)).toEqual({
      totalHits: 1,
      timeToExpire: 2,
      isBlocked: false,
      timeToBlockExpire: 0,
    });
    await sleep(700);
    expect(await hit(throttler)).toMatchObject({ totalHits: 2, timeToExpire: 1 });
    expect(await hit(throttler)).toMatchObject({ totalHits: 3, isBlocked: false });
    expect(await hit(throttler)).toEqual({
      totalHits: 4,
      timeToExpire: 1,
      isBlocked: true,
      timeToBlockExpire: 1,
    });
    await sleep(1_510);
    expect(await hits(throttler, 6)).toBe(3);
  });

  it('keeps clients apart, and throttlers of one client', async () => {
    const throttler = { ttl: 60_000, limit: 1 };
    expect(await hit(throttler)).toMatchObject({ isBlocked: false });
    expect(await hit(throttler)).toMatchObject({ isBlocked: true });
    expect(await hit({ ...throttler, name: 'other' })).toMatchObject({ isBlocked: false });
    expect(await hit(throttler, `${key}-other`)).toMatchObject({ isBlocked: false });
    expect(await hit({ ...throttler, name: `default\u0000x` })).toMatchObject({ isBlocked: false });
  });
});

describe('blockDuration', () => {
  it('blocks for so long after the first hit over the limit; hits meanwhile neither count nor prolong it', async () => {
    const throttler = { ttl: 1_000, limit: 2, blockDuration: 2_000 };
    await hits(throttler, 2);
    const blockedAt = performance.now();
    let record = await hit(throttler);
    while (record.isBlocked) {
      expect(record).toMatchObject({ totalHits: 3 });
      await sleep(5);
      record = await hit(throttler);
    }
    const blockedMs = performance.now() - blockedAt;
    expect(blockedMs).toBeGreaterThanOrEqual(1_998);
    expect(blockedMs).toBeLessThan(2_100 + BUSY_MS);
    expect(record.totalHits).toBe(1);
    expect(await hits(throttler, 5)).toBe(1);
  });

  it('never lets the limit be passed when it is shorter than the ttl: it then lasts until there is room', async () => {
    const throttler = { ttl: 2_900, limit: 2, blockDuration: 50 };
    await hits(throttler, 2);
    await sleep(200);
    const over = await hit(throttler);
    expect(over).toMatchObject({ isBlocked: true, timeToBlockExpire: 3 });
    await sleep(100);
    expect(await hit(throttler)).toMatchObject({ isBlocked: true, timeToBlockExpire: 3 });
    await sleep(2_650);
    expect(await hit(throttler)).toMatchObject({ isBlocked: false, totalHits: 1 });
  });

  it('of zero is no block: what is over the limit waits for room', async () => {
    const throttler = { ttl: 3_000, limit: 2, blockDuration: 0 };
    await hit(throttler);
    await sleep(2_000);
    expect(await hits(throttler, 4)).toBe(1);
    await sleep(1_100);
    expect(await hits(throttler, 4)).toBe(1);
  });
});

describe('numbers at their limits', () => {
  it.each([
    ['no limit at all', { ttl: 60_000, limit: Infinity }, 20],
    ['nothing allowed', { ttl: 60_000, limit: 0 }, 0],
    ['nothing allowed, and no block', { ttl: 60_000, limit: 0, blockDuration: 0 }, 0],
    ['a limit below nothing', { ttl: 60_000, limit: -1 }, 0],
    ['a limit with a fraction', { ttl: 60_000, limit: 2.5 }, 2],
    ['no window', { ttl: 0, limit: 1 }, 20],
    ['a window of a fraction', { ttl: 60_000.5, limit: 3 }, 3],
    ['a window for ever', { ttl: Infinity, limit: 3 }, 3],
    ['a block for ever', { ttl: 10, limit: 3, blockDuration: Infinity }, 3],
  ])('%s', async (_, throttler, expected) => {
    expect(await hits(throttler, 20)).toBe(expected);
    const record = await hit(throttler);
    expect(record.isBlocked).toBe(expected < 20);
    for (const seconds of [record.timeToExpire, record.timeToBlockExpire]) {
      expect(Number.isSafeInteger(seconds)).toBe(true);
      expect(seconds).toBeGreaterThanOrEqual(0);
    }
    expect(record.timeToBlockExpire > 0).toBe(record.isBlocked);
  });

  it('what is no number is refused, and nothing is let in by it', async () => {
    await expect(hit({ ttl: Number.NaN, limit: 1 })).rejects.toThrow('ttl must be a number');
    await expect(hit({ ttl: 1, limit: '5' as never })).rejects.toThrow('limit must be a number');
  });
});

describe('in Redis', () => {
  it('is one call on one key that is gone when it is of no more use, of bounded size, with nothing of the client in it', async () => {
    await hit({ ttl: 1, limit: 1 }); // Redis knows the script from here on
    await server.client().flushall();
    const watcher = server.client();
    await watcher.ping(); // its own connection is made by then
    const monitor = await watcher.monitor();
    const sent: string[][] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') sent.push(args);
    });
    const client = '{a}{b} ada@example.org\r\nFLUSHALL';
    await hit({ ttl: 60_000, limit: 5 }, client);
    await sleep(50);
    monitor.disconnect();
    // The connection looks at its server every 10 s.
    const commands = sent.map(([command]) => command?.toUpperCase()).filter((command) => command !== 'INFO');
    expect(commands).toEqual(['EVALSHA']);
    expect(JSON.stringify(sent)).not.toContain('ada');
    const admin = server.client();
    const [made, ...others] = await admin.keys('*');
    expect(others).toEqual([]);
    expect(made).toMatch(/^lk:throttle:\{[\w-]{22}\}$/);
    const left = await admin.pttl(String(made));
    expect(left).toBeGreaterThan(55_000);
    expect(left).toBeLessThanOrEqual(60_001);

    await admin.flushall();
    const throttler = { ttl: 640, limit: 1_000_000, blockDuration: 0 };
    for (const endsAt = performance.now() + 900; performance.now() < endsAt;) {
      const sentAt = Date.now();
      await hit(throttler);
      const [key = ''] = await admin.keys('*');
      const bytes = (await admin.getBuffer(key)) ?? Buffer.alloc(0);
      expect(bytes.length).toBeLessThanOrEqual(370);
      // However many hits it stands for, a part is kept as long as its last one.
      const last = bytes.readUInt8(bytes.length - 11) * 2 ** 48 + bytes.readUIntBE(bytes.length - 10, 6);
      expect(last).toBeGreaterThanOrEqual(sentAt * 1_000);
    }
    expect(await hit(throttler)).toMatchObject({ isBlocked: false, timeToExpire: 1 });
    await sleep(700);
    expect(await admin.keys('*')).toEqual([]);
  });

  it('a clock that was set back, as after a failover, lets nothing more in', async () => {
    const throttler = { ttl: 60_000, limit: 2 };
    const admin = server.client();
    await admin.flushall();
    await hit(throttler);
    const [made = ''] = await admin.keys('*');
    const bytes = await admin.getBuffer(made);
    const ahead = Buffer.from(bytes!);
    ahead.writeUIntBE(bytes!.readUIntBE(8, 6) + 20_000_000, 8, 6); // its last hit is from 20 s ahead
    await admin.set(made, ahead);
    expect(await hit(throttler)).toMatchObject({ totalHits: 2 });
    expect(await hit(throttler)).toMatchObject({ isBlocked: true });
  });

  it('a clock that was set back by a year refuses for no longer than the window or the block takes', async () => {
    const throttler = { ttl: 60_000, limit: 1 };
    const admin = server.client();
    await admin.flushall();
    await hit(throttler);
    const [made = ''] = await admin.keys('*');
    const ahead = (await admin.getBuffer(made))!;
    const inAYear = Date.now() * 1_000 + 31_536_000_000_000;
    const writeInstant = (at: number) => {
      ahead.writeUInt8(Math.floor(inAYear / 2 ** 48), at);
      ahead.writeUIntBE(inAYear % 2 ** 48, at + 1, 6);
    };
    writeInstant(7); // its last hit
    await admin.set(made, ahead);
    const refused = await hit(throttler);
    expect(refused.isBlocked).toBe(true);
    expect(refused.timeToBlockExpire).toBeLessThanOrEqual(60);
    expect(refused.timeToExpire).toBeLessThanOrEqual(60);
    writeInstant(0); // blocked until
    await admin.set(made, ahead);
    expect((await hit(throttler)).timeToBlockExpire).toBeLessThanOrEqual(60);
  });
});

describe('in a Cluster', () => {
  let cluster: RedisCluster;
  let inCluster: RedisThrottlerStorage[];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    inCluster = await Promise.all(
      [0, 1].map(() =>
        open(cluster.client({ enableOfflineQueue: false, redisOptions: redisClientOptions(1_000) })),
      ),
    );
  });
  afterAll(async () => {
    await Promise.all(inCluster.map((storage) => storage.onApplicationShutdown()));
    await cluster.stop();
  });

  it('is as exact, for clients on every slot, whatever their names', async () => {
    for (const client of [
      'plain',
      '{user}',
      '{}',
      'a}b{c',
      ...Array.from({ length: 8 }, (_, i) => `ip-${i}`),
    ]) {
      const records = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          inCluster[i % 2]!.increment(client, 60_000, 7, 60_000, 'default'),
        ),
      );
      expect(records.filter(({ isBlocked }) => !isBlocked)).toHaveLength(7);
    }
    const sizes = await Promise.all(cluster.nodes.map((node) => node.client().dbsize()));
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
  });
});

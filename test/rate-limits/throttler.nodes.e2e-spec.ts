import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiter, SessionConfigurationError, SessionModule, SessionService } from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import { ThrottlerModule, ThrottlerStorage, ThrottlerStorageService } from '@nestjs/throttler';
import type { Response } from 'supertest';
import { BUSY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { startThrottledApp, type ThrottledApp } from './support/throttled-app.js';

type Throttlers = { name?: string; ttl: number; limit: number; blockDuration?: number }[];

let server: RedisServer;
const nodes: ThrottledApp[] = [];

beforeEach(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  await server.stop();
});

async function start(throttlers: Throttlers): Promise<ThrottledApp> {
  const storage = new RedisThrottlerStorage({ redis: server.url });
  const node = await startThrottledApp(ThrottlerModule.forRoot({ throttlers, storage }));
  nodes.push(node);
  return node;
}

async function startBeside(throttlers: Throttlers, redis?: string): Promise<ThrottledApp> {
  const throttling = ThrottlerModule.forRootAsync({
    inject: [RateLimiter],
    useFactory: (limiter: RateLimiter) => ({ throttlers, storage: RedisThrottlerStorage.beside(limiter) }),
  });
  const node = await startThrottledApp(throttling, [SessionModule.forRoot(redis ? { redis } : {})]);
  nodes.push(node);
  return node;
}

const times = <T>(count: number, make: (i: number) => Promise<T> | PromiseLike<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, i) => make(i)));
const statuses = (replies: readonly Response[]) => replies.map(({ status }) => status);
const passed = (replies: readonly Response[]) => replies.filter(({ status }) => status === 200);

describe('an unchanged throttler app on two nodes', () => {
  it('lets exactly the limit through of 200 requests at once, and tells each what is left', async () => {
    const throttlers = [{ ttl: 60_000, limit: 50 }];
    const two = [await start(throttlers), await startBeside(throttlers, server.url)];
    const replies = await times(200, (i) => two[i % 2]!.get());
    const left = passed(replies).map(({ headers }) => Number(headers['x-ratelimit-remaining']));
    expect(left.sort((a, b) => b - a)).toEqual(Array.from({ length: 50 }, (_, i) => 49 - i));
    for (const { status, headers } of replies) {
      if (status === 200) {
        expect(headers['x-ratelimit-limit']).toBe('50');
        expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThan(55);
        expect(Number(headers['x-ratelimit-reset'])).toBeLessThanOrEqual(60);
        expect(headers).not.toHaveProperty('retry-after');
      } else {
        expect(status).toBe(429);
        expect(Number(headers['retry-after'])).toBeGreaterThan(55);
        expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
      }
    }
    // The decorators of the throttler's own hold as they did.
    expect(statuses([await two[0]!.get('/strict'), await two[1]!.get('/strict')])).toEqual([200, 429]);
    expect(statuses(await times(60, () => two[0]!.get('/free')))).toEqual(Array(60).fill(200));
  });

  it('lets a client in that waits as long as Retry-After says, and not a second before', async () => {
    const throttlers = [{ ttl: 1_000, limit: 3, blockDuration: 2_000 }];
    const two = [await start(throttlers), await start(throttlers)];
    expect(statuses(await times(3, (i) => two[i % 2]!.get()))).toEqual([200, 200, 200]);
    const blockedAt = performance.now();
    const refused = await two[0]!.get().expect(429);
    expect(refused.headers['retry-after']).toBe('2');
    let last = refused;
    // Asking in vain neither counts nor prolongs.
    while (performance.now() - blockedAt < 1_800) {
      last = await two[1]!.get().expect(429);
      expect(Number(last.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      await sleep(20);
    }
    expect(last.headers['retry-after']).toBe('1');
    await sleep(Number(refused.headers['retry-after']) * 1_000 - (performance.now() - blockedAt) + 20);
    const replies = await times(8, (i) => two[i % 2]!.get());
    expect(passed(replies)).toHaveLength(3);
  });

  it('keeps several named throttlers apart, each with its own headers', async () => {
    const throttlers = [
      { name: 'short', ttl: 500, limit: 2 },
      { name: 'long', ttl: 60_000, limit: 3 },
    ];
    const two = [await start(throttlers), await start(throttlers)];
    const first = await two[0]!.get().expect(200);
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit-short': '2',
      'x-ratelimit-remaining-short': '1',
      'x-ratelimit-reset-short': '1',
      'x-ratelimit-limit-long': '3',
      'x-ratelimit-remaining-long': '2',
      'x-ratelimit-reset-long': '60',
    });
    await two[1]!.get().expect(200);
    const short = await two[0]!.get().expect(429);
    expect(short.headers['retry-after-short']).toBe('1');
    expect(short.headers).not.toHaveProperty('retry-after-long');
    await sleep(600);
    await two[1]!.get().expect(200);
    const long = await two[0]!.get().expect(429);
    expect(Number(long.headers['retry-after-long'])).toBeGreaterThan(50);
    expect(long.headers).not.toHaveProperty('retry-after-short');
  });
});

describe.each([
  ['with a connection of its own', () => start([{ ttl: 60_000, limit: 1_000 }])],
  ['beside sessions', () => startBeside([{ ttl: 60_000, limit: 1_000 }], server.url)],
])('a Redis that is away from a throttler %s', (_, startNode) => {
  it('makes it refuse with 503 in time, hung or dead, and serve again when it is back', async () => {
    const node = await startNode();
    await node.get().expect(200);
    const expectRefusals = async (): Promise<void> => {
      const startedAt = performance.now();
      const tookMs: number[] = [];
      const replies = await times(20, async () => {
        const reply = await node.get();
        tookMs.push(performance.now() - startedAt);
        return reply;
      });
      expect(Math.min(...tookMs)).toBeLessThan(250 + BUSY_MS);
      expect(Math.max(...tookMs)).toBeLessThan(500 + BUSY_MS); // these wait for each other besides
      expect(statuses(replies)).toEqual(Array(20).fill(503));
      expect(JSON.stringify(replies[0]?.body)).not.toMatch(/redis|ECONN|127\.0\.0\.1/i);
    };
    server.freeze();
    await expectRefusals();
    server.thaw();
    await waitFor(() => node.get().expect(200));
    await server.kill();
    await expectRefusals();
    await server.restart();
    await waitFor(() => node.get().expect(200));
  });
});

describe('a storage beside sessions', () => {
  it('uses their connection and key prefix, and closes neither', async () => {
    const node = await startBeside([{ ttl: 60_000, limit: 5 }], server.url);
    await node.get().expect(200);
    const clients = String(await server.client().client('LIST'));
    expect(clients.match(/name=latchkey /g)).toHaveLength(1);
    expect(await server.client().keys('lk:throttle:*')).toHaveLength(1);
    await node.app.get(SessionService).create('ada');
  });

  it('is the memory of the throttler where the sessions are in memory', async () => {
    const node = await startBeside([{ ttl: 60_000, limit: 2 }]);
    expect(node.app.get(ThrottlerStorage)).toBeInstanceOf(ThrottlerStorageService);
    expect(passed(await times(3, () => node.get()))).toHaveLength(2);
  });
});

describe('a storage that cannot work', () => {
  it('stops the app with a line that names the option', async () => {
    await server.client().config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(start([{ ttl: 1, limit: 1 }])).rejects.toThrow(/redis evicts keys/);
  });

  it.each([
    ['no object', undefined, /RedisThrottlerStorage needs an object/],
    ['no Redis', {}, /redis is missing: give RedisThrottlerStorage/],
    ['a brace in its prefix', { redis: 'redis://127.0.0.1', keyPrefix: '{a}' }, /keyPrefix must be/],
    ['another option', { redis: 'redis://127.0.0.1', guard: 'global' }, /guard is an unknown option/],
  ])('is refused when it is made: %s', (_, options, message) => {
    const make = () => new RedisThrottlerStorage(options as never);
    expect(make).toThrow(SessionConfigurationError);
    expect(make).toThrow(message);
  });
});

async function waitFor(attempt: () => PromiseLike<unknown>): Promise<void> {
  for (const deadline = performance.now() + 3_000; ; await sleep(20)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

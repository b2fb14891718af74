import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiter, redisClientOptions } from '@latchkey/session';
import { Redis } from 'ioredis';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { DEFAULT_MS, PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';

let server: RedisServer;
let admin: Redis;
const closing: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
  admin = server.client();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await server.client().flushall();
});
afterAll(() => server.stop());

async function open(redis: string | Redis = server.url, options = {}) {
  const on = await sessionsOn(redis, { commandTimeoutMs: DEFAULT_MS, ...options });
  closing.push(() => on.close());
  return { ...on, limiter: new RateLimiter(on.repository) };
}

const hangUp = () => admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

const outcomesOf = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(calls)).map((end) =>
    end.status === 'fulfilled' ? 'ok' : String((end.reason as { code?: string }).code),
  );

describe('a connection that a healthy Redis has dropped', () => {
  const kinds = [
    { name: "the library's own client", redis: () => server.url },
    {
      name: "a client of the app's",
      redis: () => {
        const client = new Redis(server.url, redisClientOptions());
        closing.push(() => client.disconnect());
        return client;
      },
    },
  ];

  it.each(kinds)('fails no check, not even those under way ($name)', async ({ redis }) => {
    const on = await open(redis(), { commandTimeoutMs: PATIENT_MS });
    const { token } = await on.sessions.create('ada');
    const checks: Promise<unknown>[] = [];
    const startedAt = performance.now();
    let drops = 0;
    while (drops < 3) {
      for (let i = 0; i < 5; i++) {
        const check = on.sessions.authenticate(token);
        check.catch(() => undefined);
        checks.push(check);
      }
      if (performance.now() - startedAt > 300 * (drops + 1)) {
        drops += 1;
        await hangUp();
      }
      await sleep(1);
    }
    await sleep(50);
    expect(new Set(await outcomesOf(checks))).toEqual(new Set(['ok']));
  });

  it('keeps what is not written yet, and counts it once', async () => {
    const on = await open(server.url, { commandTimeoutMs: PATIENT_MS });
    const quota = { name: 'q', quota: 1_000, window: '31d' } as const;
    await on.limiter.consume(quota, 'a');
    await hangUp();
    await sleep(0);
    const outcomes = await outcomesOf(Array.from({ length: 100 }, () => on.limiter.consume(quota, 'a')));
    await sleep(1_000); // those under way come back, if they were counted
    const passed = outcomes.filter((outcome) => outcome === 'ok').length;
    expect((await on.limiter.peek(quota, 'a')).remaining).toBe(999 - passed);
    expect(passed).toBeGreaterThan(80);
  });

  it('is not asked for by a server that keeps hanging up more often than bearable', async () => {
    const proxy = await CutOffProxy.start(server.port);
    closing.push(() => proxy.close());
    const on = await open(`redis://127.0.0.1:${proxy.port}`);
    const { token } = await on.sessions.create('ada');
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const before = await connections();
    const until = performance.now() + 1_000;
    while (performance.now() < until) {
      await hangUp();
      await on.sessions.authenticate(token).catch(() => undefined);
      await sleep(2);
    }
    expect((await connections()) - before).toBeLessThan(60);
  });
});

describe('a Redis that is away', () => {
  it('lets so many calls wait and no more, none beyond its deadline, and writes none of them late', async () => {
    const proxy = await CutOffProxy.start(server.port);
    closing.push(() => proxy.close());
    const on = await open(`redis://127.0.0.1:${proxy.port}`);
    const quota = { name: 'q', quota: 10_000, window: '31d' } as const;
    await on.limiter.consume(quota, 'a');
    proxy.cut();
    await sleep(5);
    const startedAt = performance.now();
    const calls = Array.from({ length: 2_000 }, () => on.limiter.consume(quota, 'a'));
    const outcomes = await outcomesOf(calls);
    expect(new Set(outcomes)).toEqual(new Set(['session_store_unavailable']));
    expect(performance.now() - startedAt).toBeLessThan(3_000); // a deadline, and two thousand errors on a busy machine
    await proxy.heal();
    await sleep(800);
    const direct = await open();
    expect((await direct.limiter.peek(quota, 'a')).remaining).toBe(9_999);
    // One that has been away for a while is not waited for.
    proxy.cut();
    await sleep(400);
    const atOnce = performance.now();
    await outcomesOf([on.limiter.consume(quota, 'a')]);
    expect(performance.now() - atOnce).toBeLessThan(DEFAULT_MS);
  });
});

describe('a Redis that misses its replicas', () => {
  it('is told of in one line, not connected to without end, and used at once when they are back', async () => {
    const on = await open();
    const { token } = await on.sessions.create('ada');
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      const before = await connections();
      const until = performance.now() + 2_500;
      while (performance.now() < until) {
        expect(await outcomesOf([on.sessions.authenticate(token)])).toEqual(['session_store_unavailable']);
        await sleep(5);
      }
      expect((await connections()) - before).toBeLessThan(12);
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
    expect(await outcomesOf([on.sessions.authenticate(token)])).toEqual(['ok']);
    expect(on.log).toEqual([expect.stringMatching(/^Redis refused \w+: NOREPLICAS/)]);
  });
});

describe('a client that sends by its own commands', () => {
  it('waits for a dropped connection, too', async () => {
    const client = new Redis(server.url, { ...redisClientOptions(), keyPrefix: 'app:' });
    closing.push(() => client.disconnect());
    const on = await open(client);
    const { token } = await on.sessions.create('ada');
    const closed = new Promise((resolve) => client.once('close', resolve));
    await hangUp();
    await closed;
    expect(await outcomesOf([on.sessions.authenticate(token)])).toEqual(['ok']);
  });
});

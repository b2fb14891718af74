import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const WINDOW_MS = 3_000;
const SETTINGS = {
  STORAGE: '',
  WINDOW_MS: String(WINDOW_MS),
  REDIS_TIMEOUT_MS: String(PATIENT_MS),
  REDIS_URL: '',
};

/** A client with an IP of its own, which waits as long as it is told to. Its requests go to each node in turn. */
class Client {
  private static count = 0;
  private readonly ip = `198.51.100.${++Client.count}`;
  private turn = 0;

  constructor(private readonly nodes: readonly string[]) {}

  send(path: string, method = 'GET'): Promise<Response> {
    const node = this.nodes[this.turn++ % this.nodes.length] as string;
    return fetch(node + path, { method, headers: { 'x-forwarded-for': this.ip } });
  }

  /** Many at once. @returns the statuses, how long it took, and what the last refusal says */
  async burst(path: string, method = 'GET', size = 25) {
    const startedAt = performance.now();
    const replies = await Promise.all(Array.from({ length: size }, () => this.send(path, method)));
    const ms = performance.now() - startedAt;
    const refused = replies.filter(({ status }) => status === 429);
    const count = replies.filter(({ status }) => status < 300).length;
    expect(count + refused.length).toBe(size);
    return { count, ms, retryAfter: Number(refused.at(-1)?.headers.get('retry-after')) };
  }
}

describe('examples/from-throttler: one client, both versions, one Redis', () => {
  let redis: RedisServer;
  let apps: INestApplication[] = [];
  let urls: string[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] });
    Object.assign(process.env, SETTINGS, { REDIS_URL: redis.url });
    // The window is read when the modules are.
    const { start: startBefore } = await import('../../examples/from-throttler/before/app.js');
    const { start: startAfter } = await import('../../examples/from-throttler/after/app.js');
    apps = [await startBefore(0), await startAfter(0), await startAfter(0)];
    process.env['STORAGE'] = 'latchkey';
    apps.splice(1, 0, await startBefore(0), await startBefore(0));
    urls = await Promise.all(apps.map((app) => app.getUrl()));
  });
  afterAll(async () => {
    for (const name of Object.keys(SETTINGS)) delete process.env[name];
    await Promise.all(apps.map((app) => app.close()));
    await redis?.stop();
  });

  // Each way of counting begins with a count of its own: while two are at work, a client has the sum.
  const PHASES: ReadonlyArray<[phase: string, nodes: number[], counts: number]> = [
    ['before', [0], 1],
    ['both storages at once', [0, 1], 2],
    ['with the storage, on two nodes', [1, 2], 1],
    ['storage and quotas at once', [1, 3], 2],
    ['with quotas, on two nodes', [3, 4], 1],
    ['rolled back', [0], 1],
  ];
  const clientOf = (nodes: readonly number[]) => new Client(nodes.map((i) => urls[i] as string));

  it('lets as many in as promised, never fewer, and again after Retry-After, in each phase', async () => {
    const runs = PHASES.flatMap(([phase, nodes, counts]) => [
      { phase, nodes, counts, path: '/search', method: 'GET', limit: 10 },
      { phase, nodes, counts, path: '/messages', method: 'POST', limit: 3 },
    ]);
    await Promise.all(
      runs.map(async ({ phase, nodes, counts, path, method, limit }) => {
        const client = clientOf(nodes);
        const { count, ms, retryAfter } = await client.burst(path, method);
        const most = Math.ceil(limit * counts * (1 + ms / WINDOW_MS)); // what came back meanwhile
        expect([phase, count >= limit && count <= most, count]).toEqual([phase, true, count]);
        expect([phase, retryAfter >= 1 && retryAfter <= WINDOW_MS / 1_000]).toEqual([phase, true]);
        expect((await client.send('/health')).status).toBe(200);
        expect((await clientOf(nodes).send(path, method)).status).toBeLessThan(300); // another's share
        await sleep(retryAfter * 1_000 + 50);
        expect([phase, (await client.send(path, method)).status < 300]).toEqual([phase, true]);
      }),
    );
  });

  it('what got better: no double share at the edge of two windows', async () => {
    for (let attempt = 1; ; attempt++) {
      const begunAt = performance.now();
      const clients = [0, 1, 3].map((i) => clientOf([i]));
      await Promise.all(clients.map((client) => client.burst('/search', 'GET', 1)));
      const startedAt = performance.now();
      const until = (share: number) => sleep(startedAt + WINDOW_MS * share - performance.now());
      await until(0.8);
      const nine = await Promise.all(clients.map((client) => client.burst('/search', 'GET', 9)));
      const isInTime = performance.now() < begunAt + WINDOW_MS;
      await until(1.05);
      const more = await Promise.all(clients.map((client) => client.burst('/search')));
      if ((!isInTime || performance.now() > startedAt + WINDOW_MS * 1.5) && attempt < 4) continue; // a slow machine
      expect(nine.map(({ count }) => count)).toEqual([9, 9, 9]);
      const [windows = 0, ...better] = more.map(({ count }) => count);
      expect(windows).toBe(10);
      expect(Math.max(...better)).toBeLessThanOrEqual(6);
      return;
    }
  });
});

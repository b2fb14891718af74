import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { type LiveNode, startNode } from '../live/support/live-node.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { fuzzUpgrades } from './support/upgrade-fuzzer.js';

const ENTRY = join(__dirname, '../live/support/live-process.mjs');
/** Connections to Redis and timers that come and go. */
const MARGIN = 6;
/** On each platform: `FUZZ_UPGRADES=100000 npx jest test/inputs/upgrades` for a long run, `FUZZ_SEED` for the same one again. */
const COUNT = Number(process.env['FUZZ_UPGRADES'] ?? 3_000);
const IS_LONG = process.env['FUZZ_UPGRADES'] !== undefined;
const LIMIT_MS = Number(process.env['FUZZ_MS'] ?? (IS_LONG ? Infinity : 2_500));
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const WARM_UP = IS_LONG ? 5_000 : 500;

interface Health {
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  readonly resources: number;
}

beforeAll(() => buildSample(), BUILD_TIMEOUT_MS);

describe.each(['Express', 'Fastify'])('odd upgrades and broken connections on %s', (platform) => {
  let server: RedisServer;
  let app: AppProcess;
  let node: LiveNode;
  beforeAll(async () => {
    server = await RedisServer.start();
    app = await AppProcess.start({ entry: ENTRY, env: { PLATFORM: platform, REDIS_URL: server.url } });
    node = await startNode({ redis: server.url });
  });
  afterAll(async () => {
    await app.stop('SIGKILL');
    await node.stop();
    await server.stop();
  });

  const health = async (): Promise<Health> => {
    const response = await fetch(`${app.url}/health`);
    expect(response.status).toBe(200);
    return (await response.json()) as Health;
  };
  /** When what is over has been cleared away. */
  const settled = async (most: number): Promise<Health> => {
    let now = await health();
    for (let i = 0; i < 60 && now.resources > most; i++) {
      await sleep(100);
      now = await health();
    }
    return now;
  };

  it(
    'end no process, leave nothing behind and get no 5xx but 503',
    async () => {
      const { token } = await node.sessions.create('ada');
      const base = { url: app.url, token };
      const idle = await health();
      const warm = await fuzzUpgrades({ ...base, seed: SEED + 1, count: WARM_UP, timeLimitMs: LIMIT_MS });
      const before = await settled(idle.resources + MARGIN);
      const startedAt = performance.now();
      const report = await fuzzUpgrades({ ...base, seed: SEED, count: COUNT, timeLimitMs: LIMIT_MS });
      const seconds = (performance.now() - startedAt) / 1_000;
      const after = await settled(idle.resources + MARGIN);
      console.log(platform, { seed: SEED, seconds, ...report, warm: warm.sent, before, after });
      expect(app.output.split('\n').slice(1).join('\n')).toBe('');
      expect([...warm.faults, ...report.faults]).toEqual([]);
      expect(after.resources).toBeLessThanOrEqual(idle.resources + MARGIN);
      expect(after.memory.rss - before.memory.rss).toBeLessThan(64 * 1024 * 1024);
      // And whoever does it right is served: the session has room again.
      expect(report.statuses).toMatchObject({ 101: expect.any(Number), 200: expect.any(Number) });
    },
    IS_LONG ? 900_000 : 60_000,
  );
});

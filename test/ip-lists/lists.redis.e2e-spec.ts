import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { BUSY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { type IpNode, startIpNode } from './support/ip-node.js';

const OFFICE = '198.51.100.7';
const HOME = '203.0.113.9';
const KEY = 'lk:{ip}:list:office';
const NO = 'ip_not_allowed';

let server: RedisServer;
let admin: Redis;
let a: IpNode;
let b: IpNode;
let token: string;

beforeAll(async () => {
  server = await RedisServer.start();
  admin = server.client();
  const options = { redis: server.url, commandTimeoutMs: 2_000 };
  [a, b] = await Promise.all([startIpNode(options), startIpNode(options)]);
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  await server.stop();
});
beforeEach(async () => {
  await admin.flushall();
  await a.users.ensure('ada');
  ({ token } = await a.sessions.create('ada'));
});

const code = async (node: IpNode, path: string, ip: string) => {
  const { status, code: refusal } = await node.ask(path, { token, ip });
  return status === 200 ? 200 : refusal;
};

describe('what a request with named lists costs', () => {
  /** The commands that clients send to Redis meanwhile. */
  async function commandsOf(act: () => Promise<unknown>): Promise<string[]> {
    const monitor = await server.client().monitor();
    const sent: string[] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') sent.push(String(args[0]).toUpperCase());
    });
    await sleep(20);
    await act();
    await sleep(100);
    monitor.disconnect();
    return sent;
  }

  it('is one call for all of them, beside the check; without a list it is the check alone', async () => {
    await a.lists.set('office', [OFFICE]);
    await a.lists.set('day', [OFFICE]);
    await a.lists.set('night', []);
    await a.users.setIpAllowlist('ada', [OFFICE]);
    for (const path of ['/any', '/office', '/many', '/public', '/counted']) await code(a, path, OFFICE);
    const cost = (path: string) => commandsOf(async () => expect(await code(a, path, OFFICE)).toBe(200));
    expect(await cost('/any')).toEqual(['EVALSHA']);
    expect(await cost('/office')).toEqual(['EVALSHA', 'EVALSHA']);
    expect(await cost('/many')).toEqual(['EVALSHA', 'EVALSHA']);
    expect(await cost('/public')).toEqual(['EVALSHA']);
    expect(await cost('/counted')).toEqual(['EVALSHA', 'EVALSHA', 'EVALSHA']); // and the quota by client IP
  });

  it('is one round-trip time', async () => {
    const proxy = await CutOffProxy.start(server.port);
    const far = await startIpNode({ redis: proxy.url, commandTimeoutMs: 2_000 });
    await far.lists.set('office', [OFFICE]);
    await far.lists.set('day', [OFFICE]);
    await far.lists.set('night', []);
    for (const path of ['/any', '/many', '/counted']) await code(far, path, OFFICE);
    proxy.delayMs = 200;
    const timed = async (path: string) => {
      const startedAt = performance.now();
      expect(await code(far, path, OFFICE)).toBe(200);
      return performance.now() - startedAt;
    };
    for (const path of ['/any', '/many', '/counted']) expect(await timed(path)).toBeLessThan(390);
    await far.stop();
    await proxy.close();
  });

  it('carries no list that the node has a copy of', async () => {
    await a.lists.set(
      'office',
      Array.from({ length: 1_000 }, (_, i) => `198.51.${Math.floor(i / 256)}.${i % 256}`),
    );
    const sentBytes = async () => Number(/total_net_output_bytes:(\d+)/.exec(await admin.info('stats'))?.[1]);
    await code(a, '/office', '198.51.0.7');
    const before = await sentBytes();
    for (let i = 0; i < 10; i++) expect(await code(a, '/office', '198.51.0.7')).toBe(200);
    expect((await sentBytes()) - before).toBeLessThan(12_000); // the list alone has as many, and INFO has some
  });
});

describe('a list that is changed', () => {
  it('holds on another node from the next request on, whichever copy that has', async () => {
    for (const [cidrs, ip, expected] of [
      [[OFFICE], OFFICE, 200],
      [[OFFICE], HOME, NO],
      [[HOME], OFFICE, NO],
      [[HOME], HOME, 200],
      [[], HOME, NO],
      [['0.0.0.0/0'], OFFICE, 200],
    ] as const) {
      await a.lists.set('office', cidrs);
      expect([await code(b, '/office', ip), await code(b, '/public', ip)]).toEqual([expected, expected]);
    }
  });

  it('lets the first request after it count once, or not at all', async () => {
    const left = async (ip: string) => {
      const { headers } = await b.ask('/counted', { token, ip });
      return headers.get('ratelimit')?.match(/r=\d+/g);
    };
    await a.lists.set('office', [OFFICE, HOME]);
    expect(await left(HOME)).toEqual(['r=4', 'r=4']); // node b has a copy now
    await a.lists.set('office', [OFFICE]);
    for (let i = 0; i < 3; i++) expect(await code(b, '/counted', HOME)).toBe(NO);
    expect(await left(OFFICE)).toEqual(['r=3', 'r=4']);
    await a.lists.set('office', [HOME]);
    expect(await left(HOME)).toEqual(['r=2', 'r=3']);
  });

  it('is not decided by an answer from before it that arrives after it', async () => {
    const proxy = await CutOffProxy.start(server.port);
    const far = await startIpNode({ redis: proxy.url, commandTimeoutMs: 2_000 });
    await a.lists.set('office', [HOME]);
    expect(await code(far, '/office', HOME)).toBe(200);
    proxy.delayMs = 100;
    const early = code(far, '/office', HOME);
    await sleep(50); // Redis has answered, and the node has not heard yet
    await a.lists.set('office', [OFFICE]);
    const late = code(far, '/office', HOME);
    expect(await Promise.all([early, late])).toEqual([200, NO]);
    await far.stop();
    await proxy.close();
  });
});

describe('what is lost or damaged lets nobody in', () => {
  it('a list that is gone, on nodes that have a copy of it; and it comes back only by being set', async () => {
    await a.lists.set('office', ['0.0.0.0/0']);
    await a.lists.set('day', ['0.0.0.0/0']);
    await a.lists.set('night', []);
    expect([await code(a, '/office', OFFICE), await code(a, '/many', OFFICE)]).toEqual([200, 200]);
    await admin.del('lk:{ip}:list:night');
    expect([await code(a, '/office', OFFICE), await code(a, '/many', OFFICE)]).toEqual([200, NO]);
    await admin.del(KEY);
    for (const path of ['/office', '/public', '/counted']) expect(await code(a, path, OFFICE)).toBe(NO);
    await admin.flushall();
    expect(await code(a, '/public', OFFICE)).toBe(NO);
    const { version } = await b.lists.set('office', [OFFICE]);
    expect([await code(a, '/public', OFFICE), await code(a, '/public', HOME)]).toEqual([200, NO]);
    expect((await a.lists.get('office'))?.version).toBe(version);
  });

  it('a list that was made anew by the same number of changes is another', async () => {
    const first = await a.lists.set('office', [HOME]);
    expect(await code(b, '/public', HOME)).toBe(200);
    await admin.del(KEY);
    const second = await a.lists.set('office', [OFFICE]);
    expect(second.version).toBeGreaterThan(first.version);
    expect(await code(b, '/public', HOME)).toBe(NO);
  });

  it.each([
    ['garbage', () => admin.hset(KEY, 'ranges', '0.0.0.0/0 nonsense', 'version', '1')],
    ['a range too wide to be one', () => admin.hset(KEY, 'ranges', '0.0.0.0/-1', 'version', '1')],
    ['no ranges', () => admin.hdel(KEY, 'ranges').then(() => admin.hset(KEY, 'version', '1'))],
    ['no version', () => admin.hdel(KEY, 'version')],
    ['a version that is none', () => admin.hset(KEY, 'ranges', 'x', 'version', 'x')],
  ])('a list with %s', async (_, damage) => {
    await a.lists.set('office', ['0.0.0.0/0']);
    expect(await code(a, '/office', OFFICE)).toBe(200);
    await damage();
    expect([await code(a, '/office', OFFICE), await code(a, '/public', OFFICE)]).toEqual([NO, NO]);
    await a.lists.set('office', ['0.0.0.0/0']);
    expect(await code(a, '/office', OFFICE)).toBe(200);
  });

  it('a key that is no list is a 503', async () => {
    await admin.set(KEY, '0.0.0.0/0');
    expect(await code(a, '/office', OFFICE)).toBe('session_store_unavailable');
    expect(await code(a, '/public', OFFICE)).toBe('session_store_unavailable');
    expect(await code(a, '/any', OFFICE)).toBe(200);
  });

  it.each([
    'x',
    '0.0.0.0/0',
    '0.0.0.0/0=4', // cut off
    '198.51.100.0/24=4110001100011001101100100;0.0.0.0/0=4', // cut off behind an entry that would do
    '0.0.0.0/0=;',
    '0.0.0.0/0=7;',
    '0.0.0.0/0=4;;',
    ' 0.0.0.0/0=4; ',
  ])("a user's own list that reads %j", async (stored) => {
    await a.users.setIpAllowlist('ada', ['0.0.0.0/0']);
    expect(await code(a, '/any', OFFICE)).toBe(200);
    const [key] = await admin.keys('lk:{*}:user');
    await admin.hset(key as string, 'a', stored);
    expect(await code(a, '/any', OFFICE)).toBe(NO);
  });

  it('Redis itself: 503 in time, and what was allowed before is no help', async () => {
    const node = await startIpNode({ redis: server.url });
    await node.lists.set('office', ['0.0.0.0/0']);
    expect(await code(node, '/public', OFFICE)).toBe(200);
    server.freeze();
    const startedAt = performance.now();
    const asking = Promise.all(['/office', '/public', '/many'].map((path) => code(node, path, OFFICE)));
    const codes = await asking.finally(() => server.thaw());
    const ms = performance.now() - startedAt;
    await node.stop();
    expect(codes).toEqual(Array(3).fill('session_store_unavailable'));
    expect(ms).toBeLessThan(400 + BUSY_MS);
  });
});

describe('a storm of requests on two nodes', () => {
  it('while the list is switched 100 times: none sent after set() has resolved is decided by the list from before', async () => {
    await a.lists.set('office', [OFFICE]);
    const late: string[] = [];
    const decided = { in: 0, out: 0 };
    for (let round = 0; round < 100; round++) {
      const isIn = round % 2 === 1;
      let resolvedAt = Infinity;
      const clients = Array.from({ length: 6 }, async (_, client) => {
        for (let left = 2, i = 0; left > 0; i++) {
          const sentAt = performance.now();
          const node = (client + i) % 2 === 0 ? a : b;
          const path = client % 3 === 0 ? '/public' : '/office';
          const answer = await code(node, path, OFFICE);
          if (answer === 'session_store_unavailable') continue; // the machine is busy: nothing was decided
          if (answer === 200) decided.in++;
          else decided.out++;
          if (sentAt <= resolvedAt) continue;
          left--;
          if (answer !== (isIn ? 200 : NO)) late.push(`${round}: ${answer}`);
        }
      });
      await sleep(round % 5);
      const setting = [a, b][round % 2]?.lists.set('office', isIn ? [OFFICE] : [HOME]);
      await setting?.finally(() => (resolvedAt = performance.now()));
      await Promise.all(clients);
    }
    expect(late).toEqual([]);
    expect(decided.in).toBeGreaterThan(500);
    expect(decided.out).toBeGreaterThan(500);
  }, 60_000);
});

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { CutOffProxy } from './cut-off-proxy.js';
import { EARLY_MS } from './patience.js';
import { RedisServer } from './redis-server.js';

describe('CutOffProxy', () => {
  let server: RedisServer;
  let proxy: CutOffProxy;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  beforeEach(async () => {
    proxy = await CutOffProxy.start(server.port);
    client = new Redis(proxy.url, { retryStrategy: () => 20 });
    client.on('error', () => undefined);
    await client.ping();
  });
  afterEach(async () => {
    client.disconnect();
    await proxy.close();
  });
  afterAll(() => server.stop());

  it('carries bytes both ways, many and in order', async () => {
    const value = 'x'.repeat(3_000_000);
    await client.set('big', value);
    expect(await client.get('big')).toBe(value);
  });

  it('breaks connections and refuses new ones until it is healed, on the same port', async () => {
    const port = proxy.port;
    const closed = once(client, 'close');
    proxy.cut();
    await closed;
    const other = new Redis(proxy.url, { retryStrategy: null, lazyConnect: true });
    const [[error]] = await Promise.all([once(other, 'error'), other.connect().catch(() => undefined)]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.heal();
    expect(proxy.port).toBe(port);
    expect(await client.ping()).toBe('PONG');
  });

  it('swallows requests and replies while it is a black hole', async () => {
    proxy.blackhole();
    const ping = client.ping();
    ping.catch(() => undefined);
    const newcomer = new Redis(proxy.url, { connectTimeout: 100, retryStrategy: null });
    newcomer.on('error', () => undefined);
    const greeting = newcomer.ping();
    greeting.catch(() => undefined);
    expect(await Promise.race([ping, greeting, sleep(150)])).toBeUndefined();
    expect(client.status).toBe('ready');
    newcomer.disconnect();
    await proxy.heal();
    expect(await client.ping()).toBe('PONG');
  });

  it('leaves connections that lost nothing alone', async () => {
    const id = await client.client('ID');
    proxy.blackhole();
    await proxy.heal();
    expect(await client.client('ID')).toBe(id);
  });

  it('holds replies back while the request already runs', async () => {
    proxy.delayMs = 150;
    const startedAt = performance.now();
    const set = client.set('late', '1');
    await sleep(50);
    expect(await server.client().get('late')).toBe('1');
    await set;
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150 - EARLY_MS);
  });

  it('ends what is connected when the server ends', async () => {
    const connections = proxy.connections;
    expect(connections).toBe(1);
    const own = await RedisServer.start();
    const before = await CutOffProxy.start(own.port);
    const through = new Redis(before.url, { retryStrategy: null });
    through.on('error', () => undefined);
    await through.ping();
    const closed = once(through, 'close');
    await own.kill();
    await closed;
    expect(before.connections).toBe(0);
    await before.close();
    await own.stop();
  });
});

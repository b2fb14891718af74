import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from './redis-server.js';

describe('RedisServer', () => {
  let server: RedisServer | undefined;

  afterEach(() => server?.stop());

  it('serves on a port of its own and saves nothing', async () => {
    server = await RedisServer.start();
    const client = server.client();
    expect(await client.set('a', '1')).toBe('OK');
    expect(await client.config('GET', 'save')).toEqual(['save', '']);
    await server.restart();
    expect(await client.get('a')).toBeNull();
  });

  it('asks for the password that it was given', async () => {
    server = await RedisServer.start({ password: 'a b:c@d' });
    expect(server.url).toBe(`redis://:a%20b%3Ac%40d@127.0.0.1:${server.port}`);
    expect(await server.client().ping()).toBe('PONG');
    await expect(server.client({ password: 'wrong', retryStrategy: null }).ping()).rejects.toThrow(
      /WRONGPASS/,
    );
  });

  it('passes arguments on', async () => {
    server = await RedisServer.start({ args: ['--maxmemory', '3mb'] });
    expect(await server.client().info('memory')).toContain('maxmemory:3145728');
  });

  it('comes back on the same port after a crash', async () => {
    server = await RedisServer.start();
    const client = server.client();
    await client.ping();
    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.restart();
    expect(await client.ping()).toBe('PONG');
  });

  it('answers nothing while it is frozen', async () => {
    server = await RedisServer.start();
    const client = server.client();
    await client.ping();
    server.freeze();
    const ping = client.ping();
    expect(await Promise.race([ping, sleep(100)])).toBeUndefined();
    server.thaw();
    expect(await ping).toBe('PONG');
  });

  it('stops when frozen, twice, and when killed', async () => {
    server = await RedisServer.start();
    server.freeze();
    await server.stop();
    await server.stop();
    await server.restart();
    await server.kill();
    await server.stop();
    expect(server.pid).toBeUndefined();
  });

  it('says what redis-server said when it does not start', async () => {
    await expect(RedisServer.start({ args: ['--no-such-option', 'x'] })).rejects.toThrow(/no-such-option/);
  });

  it('does not take another server for its own', async () => {
    server = await RedisServer.start();
    await expect(RedisServer.start({ port: server.port })).rejects.toThrow(/already in use/);
  });
});

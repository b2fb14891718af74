import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { BUILD_TIMEOUT_MS, buildSample } from './support/build.js';
import { Client } from './support/client.js';

describe('the process', () => {
  beforeAll(buildSample, BUILD_TIMEOUT_MS);

  it('says where it keeps things and where it listens, in one line each', async () => {
    const app = await AppProcess.start();
    expect(app.output.trim().split('\n')).toEqual([
      expect.stringMatching(/^storage: .*memory.*REDIS_URL=redis:\/\/127\.0\.0\.1:6379 npm start$/),
      `listening on ${app.url}`,
    ]);
    expect(await app.stop()).toBe(0);
  });

  it('keeps idle connections for longer than load balancers do, which is 60 s', async () => {
    const app = await AppProcess.start();
    const { headers } = await fetch(`${app.url}/health`);
    expect(await app.stop()).toBe(0); // first: what runs on would keep Jest waiting
    expect(Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(60);
  });

  it('serves over Redis, and two of them share it', async () => {
    const redis = await RedisServer.start();
    const env = { REDIS_URL: redis.url };
    const apps = await Promise.all([AppProcess.start({ env }), AppProcess.start({ env })]);
    expect(apps[0].output).toMatch(/^storage: Redis/m);
    const alice = await new Client(apps[0].url).login('alice', 'correct-horse-alice');
    const there = Object.assign(new Client(apps[1].url), alice, { url: apps[1].url });
    expect(await there.denial()).toBeUndefined();
    await there.post('/auth/logout').expect(204);
    expect(await alice.denial()).toBe('session_revoked');
    expect(await Promise.all(apps.map((app) => app.stop()))).toEqual([0, 0]);
    await redis.stop();
  });

  it('says that it listens when its demo accounts exist, although Redis is slow at first', async () => {
    const redis = await RedisServer.start();
    const pauser = redis.client();
    let [isSlow, pauses] = [true, 0];
    const pausing = (async () => {
      for (; isSlow; pauses++) {
        await pauser.call('CLIENT', 'PAUSE', '400', 'WRITE'); // reads are answered, and a ping is
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    setTimeout(() => (isSlow = false), 4_000);
    const env = { REDIS_URL: redis.url };
    const apps = await Promise.all([AppProcess.start({ env }), AppProcess.start({ env })]);
    for (const { url } of apps) {
      for (const name of ['alice', 'bob', 'mia', 'root'])
        await new Client(url).login(name, `correct-horse-${name}`);
    }
    await pausing;
    expect(pauses).toBeGreaterThan(10);
    await Promise.all(apps.map((app) => app.stop()));
    await redis.stop();
  }, 30_000);

  it('listens all the same while Redis is away, and makes them later', async () => {
    const redis = await RedisServer.start();
    await redis.kill();
    const app = await AppProcess.start({ env: { REDIS_URL: redis.url } });
    await new Client(app.url).get('/health').expect(503);
    await redis.restart();
    const deadline = Date.now() + 10_000;
    const login = { username: 'mia', password: 'correct-horse-mia' };
    let status = 0;
    while (status !== 200 && Date.now() < deadline) {
      ({ status } = await new Client(app.url).post('/auth/login', login));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(status).toBe(200);
    await app.stop();
    await redis.stop();
  }, 30_000);

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes what is in flight and ends with 0 at %s, however often',
    async (signal) => {
      const app = await AppProcess.start();
      const agent = new Agent({ keepAlive: true });
      await new Promise<void>((resolve, reject) => {
        get(`${app.url}/health`, { agent }, (reply) => reply.resume().on('end', resolve)).on('error', reject);
      }); // an idle keep-alive connection
      const slow = slowLogin(app.url);
      await slow.begun;
      const startedAt = performance.now();
      app.signal(signal);
      app.signal(signal);
      await new Promise((resolve) => setTimeout(resolve, 300));
      app.signal(signal);
      await expect(new Client(app.url).get('/health')).rejects.toThrow(/ECONNREFUSED/);
      slow.finish();
      await expect(slow.reply).resolves.toMatch(/^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Connection: close/i);
      expect(await app.ended).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      agent.destroy();
    },
  );

  it('ends within 10 s although a client never finishes its request', async () => {
    const app = await AppProcess.start();
    const slow = slowLogin(app.url);
    await slow.begun;
    const startedAt = performance.now();
    expect(await app.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    slow.reply.catch(() => undefined);
  });

  it('says in one line when its port is taken', async () => {
    const app = await AppProcess.start();
    const { code, output } = await AppProcess.runToEnd({ port: Number(new URL(app.url).port) });
    expect(code).toBe(1);
    expect(output.trim().split('\n').at(-1)).toMatch(/^PORT \d+ is taken by another process$/);
    await app.stop();
  });
});

/** A login whose body comes in two parts, the second when it is told. */
function slowLogin(url: string) {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ username: 'alice', password: 'correct-horse-alice' });
  const socket = connect(Number(port), hostname);
  let text = '';
  const reply = new Promise<string>((resolve, reject) => {
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => resolve(text)).on('error', reject);
  });
  const begun = new Promise<void>((resolve) => {
    const head = `POST /auth/login HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    socket.write(`${head}\r\n\r\n${body.slice(0, 10)}`, () => setTimeout(resolve, 100));
  });
  return { reply, begun, finish: () => void socket.write(body.slice(10)) };
}

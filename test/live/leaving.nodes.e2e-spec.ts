import { setTimeout as sleep } from 'node:timers/promises';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { hold } from '../sample/support/gate.js';
import { bearer, SocketClient, StreamClient } from './support/clients.js';
import { type LiveNode, type PlatformName, startNode } from './support/live-node.js';
import { RawSocket, upgradeBytes } from './support/raw-socket.js';

const CLIENTS = 200;
const OF_A_SESSION = 16;

describe.each<PlatformName>(['Express', 'Fastify'])(
  'clients that leave while Redis is slow, on %s,',
  (platform) => {
    let server: RedisServer;
    let proxy: CutOffProxy;
    let node: LiveNode;
    let token: string;
    beforeAll(async () => {
      server = await RedisServer.start();
      proxy = await CutOffProxy.start(server.port);
      node = await startNode({ redis: proxy.url, commandTimeoutMs: 900 }, platform);
      ({ token } = await node.sessions.create('ada'));
    });
    afterAll(async () => {
      await node.stop();
      await proxy.close();
      await server.stop();
    });
    afterEach(() => {
      proxy.delayMs = 0;
    });

    const bytesOf = (isStream: boolean): string => {
      const headers = [`Authorization: Bearer ${token}`];
      return isStream
        ? ['GET /events HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n')
        : upgradeBytes({ target: '/ws', headers });
    };
    const emptied = async (): Promise<number> => {
      for (let i = 0; i < 100 && node.connections.size > 0; i++) await sleep(50);
      return node.connections.size;
    };

    it('are forgotten, and their session opens as many connections as before', async () => {
      await StreamClient.open(node.url, bearer(token)).then((one) => one.close()); // Redis has its scripts
      expect(await emptied()).toBe(0);
      proxy.delayMs = 60;
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, i) => {
          await sleep(Math.random() * 1_000);
          const raw = await RawSocket.open(node.url);
          raw.write(bytesOf(i % 2 === 0));
          await sleep(Math.random() * 250);
          if (i % 3 === 0) raw.socket.destroy();
          else raw.reset();
        }),
      );
      expect(await emptied()).toBe(0);
      proxy.delayMs = 0;
      const streams = await Promise.all(
        Array.from({ length: OF_A_SESSION }, () => StreamClient.open(node.url, bearer(token))),
      );
      expect(streams.map(({ response }) => response.statusCode)).toEqual(streams.map(() => 200));
      for (const one of streams) one.close();
      expect(await emptied()).toBe(0);
    }, 60_000);

    it('are forgotten with the streams that waited behind the first of their connection', async () => {
      const raw = await RawSocket.open(node.url);
      raw.write(bytesOf(true).repeat(3));
      for (let i = 0; i < 100 && node.connections.size < 3; i++) await sleep(50);
      expect(node.connections.size).toBe(3);
      raw.reset();
      expect(await emptied()).toBe(0);
    });

    it.each(['register', 'admit'])('are forgotten when they left before the end of %s', async (moment) => {
      const gate =
        moment === 'register'
          ? hold(node.connections, 'register', 'after')
          : hold(node.sessions, 'checkToken', 'after');
      const raw = await RawSocket.open(node.url);
      raw.write(bytesOf(moment === 'register'));
      await gate.reached;
      raw.reset();
      await sleep(50);
      gate.open();
      await sleep(50);
      expect(node.connections.size).toBe(0);
    });

    it('have no more messages handled', async () => {
      const before = node.handled.length;
      await node.users.setRoles('ada', ['moderator']);
      const client = await SocketClient.open(node.url, bearer(token));
      proxy.delayMs = 100;
      for (let i = 0; i < 30; i++) client.send('delete');
      await sleep(20);
      client.close();
      await sleep(400);
      expect(node.handled.length - before).toBe(0);
      expect(await emptied()).toBe(0);
    });

    it('or half-close, or come as the server stops, hold nothing up', async () => {
      const raw = await RawSocket.open(node.url);
      proxy.delayMs = 100;
      raw.write(bytesOf(false));
      raw.socket.end();
      expect(await emptied()).toBe(0);
      const late = await Promise.all([1, 2, 3, 4].map(() => RawSocket.open(node.url)));
      for (const [i, one] of late.entries()) one.write(bytesOf(i % 2 === 0));
      await sleep(30);
      const stopping = node.app.close();
      await sleep(250);
      proxy.delayMs = 0;
      await stopping;
      expect(node.connections.size).toBe(0);
      for (const one of late) one.reset();
    });
  },
);

import { Redis, type RedisOptions } from 'ioredis';
import { redisClientOptions } from '@latchkey/session';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { BUSY_MS, DEFAULT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';
import { startMuteNode, startNode } from './support/live-node.js';
import { figures, useNodes } from './support/live-nodes.js';

/** As LiveConnections states it, for acts that have a receipt, whatever has become of their event. */
const RECEIPT_BOUND_MS = 2_000;
/** For the rest, with an events' connection that is silently dead. */
const SILENCE_BOUND_MS = 8_000;

let server: RedisServer;
const nodes = useNodes(async () => {
  server = await RedisServer.start();
  const start = () => startNode({ redis: server.url, commandTimeoutMs: DEFAULT_MS });
  return { nodes: [await start(), await start()], stop: () => server.stop() };
});

/** A node that hears events through a proxy, and asks Redis directly. */
async function nodeBehindProxy() {
  const proxy = await CutOffProxy.start(server.port);
  const client = new Redis(server.url, redisClientOptions());
  const listening = (options: RedisOptions) =>
    new Redis({ ...redisClientOptions(), ...options, port: proxy.port, host: '127.0.0.1' });
  const node = await startNode({ redis: Object.assign(client, { duplicate: listening }) });
  nodes.finally(async () => {
    await node.stop();
    client.disconnect();
    await proxy.close();
  });
  return { proxy, node };
}

describe('with the channel cut', () => {
  it('a connection ends as soon as it is mended', async () => {
    const client = server.client();
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const { userId, token } = await nodes.user();
      const events = await nodes.stream(nodes.holding, token);
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const startedAt = performance.now();
      await nodes.acting.users.block(userId, { reason: 'spam' });
      const { at, data } = await events.event('session-ended');
      expect(data).toEqual({ code: 'user_blocked' });
      took.push(at - startedAt);
    }
    console.log('end of streams after a block with the channel cut, ms', figures(took));
    expect(Math.max(...took)).toBeLessThan(1_000 + BUSY_MS);
  });
});

describe('on a channel that is silently dead', () => {
  it('a block ends a connection soon after it was not confirmed, and inbound messages at once', async () => {
    const { proxy, node } = await nodeBehindProxy();
    const { userId, token } = await nodes.user();
    const [events, messages] = await Promise.all([nodes.stream(node, token), nodes.socket(node, token)]);
    expect(proxy.connections).toBe(1);
    proxy.blackhole();
    const startedAt = performance.now();
    const receipt = await nodes.acting.users.block(userId, { reason: 'spam' });
    expect(receipt.nodes.expired).toBe(1);
    expect(receipt.ms).toBeLessThan(400 + BUSY_MS);
    messages.send('ping');
    expect(await messages.ended()).toMatchObject({ code: 4403 });
    expect(messages.messages.map(({ event }) => event)).not.toContain('pong');
    const tookMs = (await events.ended()) - startedAt;
    console.log('end of a stream after a block with the channel silently dead, ms', tookMs);
    expect(tookMs).toBeLessThan(RECEIPT_BOUND_MS);
  });

  it('the end of one session, which nobody confirms, ends it within the bound for that', async () => {
    const { proxy, node } = await nodeBehindProxy();
    const { userId, token, session } = await nodes.user();
    const events = await nodes.stream(node, token);
    proxy.blackhole();
    const startedAt = performance.now();
    expect(await nodes.acting.sessions.revoke(userId, session.id)).toBe(true);
    const tookMs = (await events.ended(SILENCE_BOUND_MS + 2_000)) - startedAt;
    console.log('end of a stream after a revocation with the channel silently dead, ms', tookMs);
    expect(tookMs).toBeLessThan(SILENCE_BOUND_MS);
  }, 30_000);
});

describe('an event that is lost on a sound channel', () => {
  it('of an act with a receipt: it ends connections soon after it was not confirmed, and the next is heard', async () => {
    const node = await startMuteNode(server);
    nodes.finally(() => node.stop());
    const took: number[] = [];
    for (let round = 0; round < 8; round++) {
      const [{ userId, token }, moderator] = [await nodes.user(), await nodes.user('moderator')];
      const events = await nodes.stream(nodes.holding, token);
      const messages = await nodes.socket(nodes.holding, moderator.token, '/moderation/ws');
      const startedAt = performance.now();
      const receipts = await Promise.all([
        node.users.block(userId, { reason: 'spam' }),
        node.users.setRoles(moderator.userId, []),
      ]);
      for (const receipt of receipts) {
        expect(receipt).toMatchObject({ connectionsClosed: 0, nodes: { confirmed: 0, expired: 1 } });
      }
      took.push((await events.ended()) - startedAt);
      const { code, at } = await messages.ended();
      expect(code).toBe(4403);
      took.push(at - startedAt);
    }
    console.log('end of connections after a block whose event was lost, ms', figures(took));
    expect(Math.max(...took)).toBeLessThan(RECEIPT_BOUND_MS);

    const { userId, token } = await nodes.user();
    await nodes.stream(nodes.holding, token);
    const heard = await nodes.acting.users.block(userId, { reason: 'spam' });
    expect(heard).toMatchObject({ connectionsClosed: 1, nodes: { confirmed: 1, expired: 0 } });
  }, 30_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { redisClientOptions } from '@latchkey/session';
import { AppProcess } from '../support/app-process.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { Client } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { bearer, SocketClient, StreamClient } from './clients.js';
import { startNode, type LiveNode } from './live-node.js';

const ROUNDS = 50;
/** Before the code is warm, and Redis knows all scripts. */
const WARM_UP_ROUNDS = 5;
const END_WITHIN_MS = 100;
/** As LiveConnections states it for an events' connection that is silently dead. */
const SILENCE_BOUND_MS = 8_000;

let server: RedisServer;
let [a, b]: LiveNode[] = [] as unknown as [LiveNode, LiveNode];
const closing: (() => unknown)[] = [];
let names = 0;

beforeAll(async () => {
  server = await RedisServer.start();
  a = await startNode({ redis: server.url });
  b = await startNode({ redis: server.url });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  await server.stop();
});

/** A new user with a session. */
async function user(...roles: string[]) {
  const userId = `user-${(names += 1)}`;
  await nodeA().users.ensure(userId, { roles });
  const { token, session } = await nodeA().sessions.create(userId);
  return { userId, token, session };
}

async function stream(node: Pick<LiveNode, 'url'>, token: string | undefined, path?: string) {
  const one = await StreamClient.open(node.url, bearer(token), path);
  closing.push(() => one.close());
  await one.event('hello');
  return one;
}

async function socket(node: Pick<LiveNode, 'url'>, token: string, path?: string) {
  const one = await SocketClient.open(node.url, bearer(token), path);
  closing.push(() => one.close());
  return one;
}

const nodeA = (): LiveNode => a as LiveNode;
const nodeB = (): LiveNode => b as LiveNode;

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] as number;
}

describe('a block on another node', () => {
  it('ends streams and sockets within 100 ms (p99), and the receipt says so', async () => {
    const late: number[] = [];
    const acts: number[] = [];
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      const { userId, token } = await user();
      const [events, messages] = await Promise.all([stream(nodeB(), token), socket(nodeB(), token)]);
      const startedAt = performance.now();
      const receipt = await nodeA().users.block(userId, { reason: 'spam' });
      expect(receipt).toMatchObject({ sessions: 1, connectionsClosed: 2, nodes: { expired: 0 } });
      const ended = await messages.ended();
      expect(ended).toMatchObject({ code: 4403, reason: 'user_blocked' });
      const endedAt = await events.ended();
      if (round >= WARM_UP_ROUNDS) {
        acts.push(receipt.ms);
        late.push(endedAt - startedAt, ended.at - startedAt);
      }
      expect((await events.event('session-ended')).data).toEqual({ code: 'user_blocked' });
    }
    const figures = { p50: percentile(late, 0.5), p99: percentile(late, 0.99), max: Math.max(...late) };
    console.log('end of connections after a block, ms', figures, 'block() p50', percentile(acts, 0.5));
    expect(figures.p99).toBeLessThan(END_WITHIN_MS);
  }, 60_000);

  it('is confirmed by every node with connections, whoever they belong to', async () => {
    const [target, other] = [await user(), await user()];
    await Promise.all([stream(nodeA(), target.token), stream(nodeB(), target.token)]);
    await Promise.all([stream(nodeA(), other.token), socket(nodeB(), other.token)]);
    expect(await nodeA().users.block(target.userId, { reason: 'spam' })).toMatchObject({
      connectionsClosed: 2,
      nodes: { confirmed: 2, expired: 0 },
    });
    expect(await nodeB().sessions.revokeAll(other.userId)).toMatchObject({
      connectionsClosed: 2,
      nodes: { confirmed: 2, expired: 0 },
    });
  });

  it('waits for nobody where nobody has connections', async () => {
    await sleep(2_500); // nodes without connections take their leave within a second
    const { userId } = await user();
    const receipt = await nodeA().users.block(userId, { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 0, nodes: { confirmed: 0, expired: 0 } });
    expect(receipt.ms).toBeLessThan(100);
  });
});

describe('a demotion', () => {
  it('ends what only moderators may have open, and nothing else', async () => {
    const { userId, token } = await user('moderator');
    const theirs = [
      await stream(nodeA(), token, '/moderation/events'),
      await socket(nodeB(), token, '/moderation/ws'),
    ] as const;
    const everybodys = await socket(nodeB(), token);
    const receipt = await nodeA().users.setRoles(userId, ['user']);
    expect(receipt).toMatchObject({ sessions: 0, connectionsClosed: 2, nodes: { confirmed: 2 } });
    expect((await theirs[0].event('session-ended')).data).toEqual({ code: 'forbidden' });
    expect(await theirs[1].ended()).toMatchObject({ code: 4403, reason: 'forbidden' });
    everybodys.send('ping');
    await everybodys.message('pong');
  });

  it('in a storm of messages: none is handled after setRoles() has resolved', async () => {
    let late = 0;
    let handled = 0;
    for (let round = 0; round < 20; round++) {
      const { userId, token } = await user('moderator');
      const sockets = await Promise.all([1, 2, 3].map(() => socket(nodeB(), token)));
      let storming = true;
      const storm = sockets.map(async (one) => {
        while (storming) {
          for (let i = 0; i < 5; i++) one.send('delete');
          await sleep(1);
        }
      });
      await sleep(20);
      await nodeA().users.setRoles(userId, ['user']);
      const resolvedAt = performance.now();
      await sleep(30);
      storming = false;
      await Promise.all(storm);
      await sleep(20);
      const mine = nodeB().handled.filter((one) => one.userId === userId);
      handled += mine.length;
      late += mine.filter(({ at }) => at > resolvedAt).length;
      for (const one of sockets) one.close();
    }
    expect(handled).toBeGreaterThan(100);
    expect(late).toBe(0);
  }, 60_000);

  it('between the answer to a check and its arrival: the message is not handled', async () => {
    const { userId, token } = await user('moderator');
    const one = await socket(nodeB(), token);
    const gate = hold(nodeB().sessions, 'examine', 'after');
    one.send('delete');
    await gate.reached; // permitted, by what Redis said before the demotion
    const acting = nodeA().users.setRoles(userId, ['user']);
    await acting;
    gate.open();
    expect(await one.message('exception')).toMatchObject({ code: 'forbidden' });
    expect(nodeB().handled.filter((handled) => handled.userId === userId)).toEqual([]);
  });
});

describe('a handshake', () => {
  it('whose check passed before a block is refused', async () => {
    const { userId, token } = await user();
    const gate = hold(nodeB().sessions, 'examine', 'after');
    const refusal = SocketClient.refusal(nodeB().url, bearer(token));
    await gate.reached;
    await nodeA().users.block(userId, { reason: 'spam' });
    gate.open();
    expect(await refusal).toMatchObject({ status: 403, body: { code: 'user_blocked' } });
    expect(nodeB().connections.size).toBe(0);
  });

  it('that was admitted before a block is ended before it brings anything', async () => {
    const { userId, token } = await user();
    const gate = hold(nodeB().connections, 'register', 'after');
    const opening = StreamClient.open(nodeB().url, bearer(token));
    await gate.reached;
    const receipt = await nodeA().users.block(userId, { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 1, nodes: { expired: 0 } });
    gate.open();
    const events = await opening;
    await events.ended();
    expect(events.events.map(({ name, data }) => [name, data['code']])).toEqual([
      ['session-ended', 'user_blocked'],
    ]);
    expect(nodeB().connections.size).toBe(0);
  });
});

describe('a session that times out', () => {
  it('ends its connections by itself', async () => {
    const node = await startNode({
      redis: server.url,
      keyPrefix: 'short',
      lifetime: { inactivityTimeout: '1s', absoluteTimeout: '10s' },
    });
    closing.push(() => node.stop());
    await node.users.ensure('ada');
    const { token } = await node.sessions.create('ada');
    const startedAt = performance.now();
    const [events, messages] = await Promise.all([stream(node, token), socket(node, token)]);
    expect((await events.event('session-ended')).data).toEqual({ code: 'session_expired' });
    expect(await messages.ended()).toMatchObject({ code: 4401, reason: 'session_expired' });
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(1_500);
  });

  it('does not while its person is active', async () => {
    const node = await startNode({
      redis: server.url,
      keyPrefix: 'active',
      lifetime: { inactivityTimeout: '1s', absoluteTimeout: '1h' },
      touchInterval: 1,
    });
    closing.push(() => node.stop());
    await node.users.ensure('ada');
    const { token } = await node.sessions.create('ada');
    const one = await socket(node, token);
    for (let i = 0; i < 8; i++) {
      await sleep(250);
      one.send('ping');
    }
    expect(one.end).toBeUndefined();
    expect(await one.ended()).toMatchObject({ code: 4401, reason: 'session_expired' });
  });
});

describe('without the events', () => {
  it('a connection ends as soon as the channel is mended', async () => {
    const client = server.client();
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const { userId, token } = await user();
      const events = await stream(nodeB(), token);
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const startedAt = performance.now();
      await nodeA().users.block(userId, { reason: 'spam' });
      const { at, data } = await events.event('session-ended');
      expect(data).toEqual({ code: 'user_blocked' });
      took.push(at - startedAt);
    }
    console.log('end of streams after a block with the channel cut, ms', {
      p50: percentile(took, 0.5),
      max: Math.max(...took),
    });
    expect(Math.max(...took)).toBeLessThan(1_000);
  });

  it('on a channel that is silently dead, it ends within the stated bound, and inbound messages at once', async () => {
    const proxy = await CutOffProxy.start(server.port);
    const client = new Redis(server.url, redisClientOptions());
    const listening = (options: RedisOptions) =>
      new Redis({ ...redisClientOptions(), ...options, port: proxy.port, host: '127.0.0.1' });
    const node = await startNode({ redis: Object.assign(client, { duplicate: listening }) });
    closing.push(async () => {
      await node.stop();
      client.disconnect();
      await proxy.close();
    });
    const { userId, token } = await user();
    const [events, messages] = await Promise.all([stream(node, token), socket(node, token)]);
    expect(proxy.connections).toBe(1);
    proxy.blackhole();
    const startedAt = performance.now();
    const receipt = await nodeA().users.block(userId, { reason: 'spam' });
    expect(receipt.nodes.expired).toBe(1);
    expect(receipt.ms).toBeLessThan(400);
    messages.send('ping');
    expect(await messages.ended()).toMatchObject({ code: 4403 });
    expect(messages.messages.map(({ event }) => event)).not.toContain('pong');
    const tookMs = (await events.ended(SILENCE_BOUND_MS + 2_000)) - startedAt;
    console.log('end of a stream after a block with the channel silently dead, ms', tookMs);
    expect(tookMs).toBeLessThan(SILENCE_BOUND_MS);
  }, 30_000);
});

describe('a node that stops', () => {
  it('ends its connections at once and takes its leave', async () => {
    const node = await startNode({ redis: server.url });
    const { userId, token } = await user();
    const [events, messages] = await Promise.all([stream(node, token), socket(node, token)]);
    const startedAt = performance.now();
    await node.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await messages.ended()).toMatchObject({ code: 1001 });
    await events.ended();
    expect(events.events.map(({ name }) => name)).toEqual(['hello']);
    expect((await nodeA().users.block(userId, { reason: 'spam' })).nodes.expired).toBe(0);
  });
});

describe('a frozen node', () => {
  it('is told as expired, and ends what it holds when it goes on', async () => {
    const frozen = await AppProcess.start({ env: { REDIS_URL: server.url } });
    closing.push(() => frozen.stop('SIGKILL'));
    const alice = await new Client(frozen.url).login('alice', 'correct-horse-alice');
    const events = await stream(frozen, alice.token);
    frozen.signal('SIGSTOP');
    const receipt = await nodeA().users.block(alice.userId, { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 0, nodes: { expired: 1 } });
    expect(receipt.ms).toBeGreaterThan(240);
    expect(receipt.ms).toBeLessThan(500);
    frozen.signal('SIGCONT');
    expect((await events.event('session-ended')).data).toEqual({ code: 'user_blocked' });
  }, 60_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../support/redis-server.js';
import { startNode } from './support/live-node.js';
import { useNodes } from './support/live-nodes.js';

let server: RedisServer;
const nodes = useNodes(async () => {
  server = await RedisServer.start();
  const start = () => startNode({ redis: server.url });
  return { nodes: [await start(), await start()], stop: () => server.stop() };
});

describe('a session that times out', () => {
  it('ends its connections by itself', async () => {
    const node = await startNode({
      redis: server.url,
      keyPrefix: 'short',
      lifetime: { inactivityTimeout: '1s', absoluteTimeout: '10s' },
    });
    nodes.finally(() => node.stop());
    await node.users.ensure('ada');
    const { token } = await node.sessions.create('ada');
    const startedAt = performance.now();
    const [events, messages] = await Promise.all([nodes.stream(node, token), nodes.socket(node, token)]);
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
    nodes.finally(() => node.stop());
    await node.users.ensure('ada');
    const { token } = await node.sessions.create('ada');
    const one = await nodes.socket(node, token);
    for (let i = 0; i < 8; i++) {
      await sleep(250);
      one.send('ping');
    }
    expect(one.end).toBeUndefined();
    expect(await one.ended()).toMatchObject({ code: 4401, reason: 'session_expired' });
  });
});

describe('a node that stops', () => {
  it('ends its connections at once and takes its leave', async () => {
    const node = await startNode({ redis: server.url });
    const { userId, token } = await nodes.user();
    const [events, messages] = await Promise.all([nodes.stream(node, token), nodes.socket(node, token)]);
    const startedAt = performance.now();
    await node.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await messages.ended()).toMatchObject({ code: 1001 });
    await events.ended();
    expect(events.events.map(({ name }) => name)).toEqual(['hello']);
    expect((await nodes.acting.users.block(userId, { reason: 'spam' })).nodes.expired).toBe(0);
  });
});

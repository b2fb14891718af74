import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../support/redis-server.js';
import { hold } from '../sample/support/gate.js';
import { bearer, SocketClient, StreamClient } from '../live/support/clients.js';
import { type PlatformName, startNode } from '../live/support/live-node.js';
import { useNodes } from '../live/support/live-nodes.js';

describe.each<PlatformName>(['Express', 'Fastify'])('on %s', (platform) => {
  const nodes = useNodes(async () => {
    const server = await RedisServer.start();
    const start = () => startNode({ redis: server.url }, platform);
    return { nodes: [await start(), await start()], stop: () => server.stop() };
  });

  describe('a block on another node', () => {
    it('ends streams and sockets, and the receipt says so', async () => {
      const { userId, token } = await nodes.user();
      const [events, messages] = await Promise.all([
        nodes.stream(nodes.holding, token),
        nodes.socket(nodes.holding, token),
      ]);
      const receipt = await nodes.acting.users.block(userId, { reason: 'spam' });
      expect(receipt).toMatchObject({ sessions: 1, connectionsClosed: 2, nodes: { expired: 0 } });
      expect(await messages.ended()).toMatchObject({ code: 4403, reason: 'user_blocked' });
      expect((await events.event('session-ended')).data).toEqual({ code: 'user_blocked' });
      await events.ended();
    });

    it('is confirmed by every node with connections, whoever they belong to', async () => {
      const { acting, holding } = nodes;
      const [target, other] = [await nodes.user(), await nodes.user()];
      await Promise.all([nodes.stream(acting, target.token), nodes.stream(holding, target.token)]);
      await Promise.all([nodes.stream(acting, other.token), nodes.socket(holding, other.token)]);
      expect(await acting.users.block(target.userId, { reason: 'spam' })).toMatchObject({
        connectionsClosed: 2,
        nodes: { confirmed: 2, expired: 0 },
      });
      expect(await holding.sessions.revokeAll(other.userId)).toMatchObject({
        connectionsClosed: 2,
        nodes: { confirmed: 2, expired: 0 },
      });
    });

    it('waits for nobody where nobody has connections', async () => {
      await sleep(2_500); // nodes without connections take their leave within a second
      const { userId } = await nodes.user();
      const receipts = [1, 2, 3].map(() => nodes.acting.users.block(userId, { reason: 'spam' }));
      const took = (await Promise.all(receipts)).map(({ connectionsClosed, nodes: told, ms }) => {
        expect({ connectionsClosed, ...told }).toEqual({ connectionsClosed: 0, confirmed: 0, expired: 0 });
        return ms;
      });
      expect(Math.min(...took)).toBeLessThan(100);
    });
  });

  describe('a handshake', () => {
    it('whose check passed before a block is refused', async () => {
      const { userId, token } = await nodes.user();
      const gate = hold(nodes.holding.sessions, 'checkToken', 'after');
      const refusal = SocketClient.refusal(nodes.holding.url, bearer(token));
      await gate.reached;
      await nodes.acting.users.block(userId, { reason: 'spam' });
      gate.open();
      expect(await refusal).toMatchObject({ status: 403, body: { code: 'user_blocked' } });
      expect(nodes.holding.connections.size).toBe(0);
    });

    it('that was admitted before a block is ended before it brings anything', async () => {
      const { userId, token } = await nodes.user();
      const gate = hold(nodes.holding.connections, 'register', 'after');
      const opening = StreamClient.open(nodes.holding.url, bearer(token));
      await gate.reached;
      const receipt = await nodes.acting.users.block(userId, { reason: 'spam' });
      expect(receipt).toMatchObject({ connectionsClosed: 1, nodes: { expired: 0 } });
      gate.open();
      const events = await opening;
      await events.ended();
      expect(events.events.map(({ name, data }) => [name, data['code']])).toEqual([
        ['session-ended', 'user_blocked'],
      ]);
      expect(nodes.holding.connections.size).toBe(0);
    });
  });

  it('a stream keeps the headers that were set before it, and is refused as a problem', async () => {
    const { token } = await nodes.user();
    const events = await nodes.stream(nodes.holding, token);
    expect(events.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    const refused = await StreamClient.open(nodes.holding.url, bearer(token), '/moderation/events');
    expect(refused.response.statusCode).toBe(403);
    expect(refused.response.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});

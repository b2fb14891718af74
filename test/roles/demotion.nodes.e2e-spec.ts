import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIRMATION_WAIT_MS } from '../../libs/session/src/services/events/confirmations.js';
import { RedisServer } from '../support/redis-server.js';
import { hold } from '../sample/support/gate.js';
import { startMuteNode, startNode } from '../live/support/live-node.js';
import { useNodes } from '../live/support/live-nodes.js';

let server: RedisServer;

describe('a demotion', () => {
  const nodes = useNodes(async () => {
    server = await RedisServer.start();
    const start = () => startNode({ redis: server.url });
    return { nodes: [await start(), await start()], stop: () => server.stop() };
  });

  it('ends what only moderators may have open, and nothing else', async () => {
    const { userId, token } = await nodes.user('moderator');
    const theirs = [
      await nodes.stream(nodes.acting, token, '/moderation/events'),
      await nodes.socket(nodes.holding, token, '/moderation/ws'),
    ] as const;
    const everybodys = await nodes.socket(nodes.holding, token);
    const receipt = await nodes.acting.users.setRoles(userId, ['user']);
    expect(receipt).toMatchObject({ sessions: 0, connectionsClosed: 2, nodes: { confirmed: 2 } });
    expect((await theirs[0].event('session-ended')).data).toEqual({ code: 'forbidden' });
    expect(await theirs[1].ended()).toMatchObject({ code: 4403, reason: 'forbidden' });
    everybodys.send('ping');
    await everybodys.message('pong');
  });

  it('between the answer to a check and its arrival: the message is not handled', async () => {
    const { userId, token } = await nodes.user('moderator');
    const one = await nodes.socket(nodes.holding, token);
    const gate = hold(nodes.holding.sessions, 'checkToken', 'after');
    one.send('delete');
    await gate.reached; // permitted, by what Redis said before the demotion
    await nodes.acting.users.setRoles(userId, ['user']);
    gate.open();
    expect(await one.message('exception')).toMatchObject({ code: 'forbidden' });
    expect(nodes.holding.handled.filter((handled) => handled.userId === userId)).toEqual([]);
  });

  it('that the node does not hear of: the answer is out of date when the act has waited', async () => {
    const mute = await startMuteNode(server);
    nodes.finally(() => mute.stop());
    const { userId, token } = await nodes.user('moderator');
    const one = await nodes.socket(nodes.holding, token);
    const gate = hold(nodes.holding.sessions, 'checkToken', 'after');
    one.send('delete');
    await gate.reached;
    const receipt = await mute.users.setRoles(userId, ['user']);
    expect(receipt.nodes.confirmed).toBe(0);
    gate.open();
    expect(await one.message('exception')).toMatchObject({ code: 'forbidden' });
    expect(nodes.holding.handled.filter((handled) => handled.userId === userId)).toEqual([]);
  });

  it('that nobody waits to be confirmed, because the node was silent: the message is not handled', async () => {
    const mute = await startMuteNode(server);
    nodes.finally(() => mute.stop());
    const { userId, token } = await nodes.user('moderator');
    const one = await nodes.socket(nodes.holding, token);
    const { registry } = nodes.holding;
    registry.register = () => Promise.reject(new Error('The slot of the nodes cannot be reached'));
    nodes.finally(() => void Reflect.deleteProperty(registry, 'register'));
    await sleep(2_000);
    const gate = hold(nodes.holding.sessions, 'checkToken', 'after');
    one.send('delete');
    await gate.reached; // permitted, by what Redis said before the demotion
    const receipt = await mute.users.setRoles(userId, ['user']);
    expect(receipt).toMatchObject({ nodes: { confirmed: 0, expired: 1 } });
    expect(receipt.ms).toBeLessThan(CONFIRMATION_WAIT_MS); // it is not waited for
    gate.open();
    expect(await one.message('exception')).toMatchObject({ code: 'session_store_unavailable' });
    expect(nodes.holding.handled.filter((handled) => handled.userId === userId)).toEqual([]);
  });
});

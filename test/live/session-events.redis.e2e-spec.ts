import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent, SessionEventName } from '@latchkey/session';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { RedisServer } from '../support/redis-server.js';
import { startNode } from './support/live-node.js';

describe('SessionEvents', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  it('open no connection before anybody listens', async () => {
    const node = await startNode({ redis: server.url });
    const channels = () => server.client().pubsub('NUMSUB', 'lk:events');
    await node.users.ensure('ada');
    await node.sessions.create('ada');
    expect(await channels()).toEqual(['lk:events', 0]);
    await node.events.on('user.blocked', () => undefined);
    expect(await channels()).toEqual(['lk:events', 1]);
    await node.stop();
    await sleep(50);
    expect(await channels()).toEqual(['lk:events', 0]);
  });

  it('tell what they can of a line that no node of this version writes', async () => {
    const node = await startNode({ redis: server.url });
    const heard: SessionEvent<'refresh.reused'>[] = [];
    await node.events.on('refresh.reused', (event) => void heard.push(event));
    const SESSION = 'A'.repeat(16);
    const publish = (line: string) => server.client().publish('lk:events', line);
    await publish(`refresh.reused ${userRefOf('ada')} 1 1 ${SESSION} ~AAAA Agent ~ Agent ada`);
    await publish('no event');
    await publish(`refresh.reused ${userRefOf('ada')} 1 1 ${SESSION} 192.0.2.1 Agent - - bob`); // of another user
    await publish(`refresh.reused ${userRefOf('bob')} 1 1 ${SESSION} 192.0.2.1 Agent - - bob`);
    while (heard.length < 2) await sleep(5);
    expect(heard.map(({ devices }) => [devices?.session.ip, devices?.presented.ip])).toEqual([
      ['~AAAA', '~'],
      ['192.0.2.1', ''],
    ]);
    await node.stop();
  });

  it.each(['redis', 'memory'] as const)(
    'are told on every node, to listeners and emitters (%s)',
    async (storage) => {
      const options = storage === 'redis' ? { redis: server.url, keyPrefix: 'told' } : {};
      const acting = await startNode(options);
      const listening = storage === 'redis' ? await startNode(options) : acting;
      const [heard, emitted]: [SessionEvent[], SessionEventName[]] = [[], []];
      const emitter = new EventEmitter();
      emitter.on('user.blocked', ({ name }: SessionEvent) => emitted.push(name));
      const listener = (event: SessionEvent) => void heard.push(event);
      await listening.events.on('session.created', listener);
      await listening.events.on('user.blocked', () => Promise.reject(new Error('a listener that fails')));
      await listening.events.on('user.blocked', listener);
      await listening.events.forwardTo(emitter);

      await acting.users.ensure('ada');
      const { session } = await acting.sessions.create('ada');
      const { version, epoch } = await acting.users.block('ada', { reason: 'spam' });
      listening.events.off('user.blocked', listener);
      await acting.users.block('ada', { reason: 'more spam' });
      await sleep(100);
      expect(heard).toMatchObject([
        { name: 'session.created', userId: 'ada', sessionId: session.id },
        { name: 'user.blocked', userId: 'ada', version, epoch },
      ]);
      expect(emitted).toEqual(['user.blocked', 'user.blocked']);
      await Promise.all([...new Set([acting, listening])].map((node) => node.stop()));
    },
  );
});

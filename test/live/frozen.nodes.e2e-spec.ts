import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';
import { startNode } from './support/live-node.js';
import { useNodes } from './support/live-nodes.js';

const ENTRY = join(__dirname, 'support/live-process.mjs');
const ROUNDS = 15;
const POSTS = 5;
/** How long the process stays stopped after the act, in turns: within and beyond what others wait for it. */
const FROZEN_MS = [0, 100, 700, 1_500, 2_500];

beforeAll(() => buildSample(), BUILD_TIMEOUT_MS);

let server: RedisServer;
let frozen: AppProcess;
const nodes = useNodes(async () => {
  server = await RedisServer.start();
  frozen = await AppProcess.start({ entry: ENTRY, env: { REDIS_URL: server.url, POSTS: 'posts' } });
  const start = () => startNode({ redis: server.url, commandTimeoutMs: 1_000 });
  return {
    nodes: [await start(), await start()],
    async stop() {
      await frozen.stop('SIGKILL');
      await server.stop();
    },
  };
});

describe('a process that is frozen while a user is blocked', () => {
  it('sends them nothing that was published after the act, and everybody else all of it', async () => {
    const other = await nodes.user();
    const [otherEvents, otherMessages] = [
      await nodes.stream(frozen, other.token),
      await nodes.socket(frozen, other.token),
    ];
    let published = 0;
    const publish = async (text: string): Promise<void> => {
      published += 1;
      await server.client().publish('posts', JSON.stringify({ text, id: published }));
    };
    const late: unknown[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { userId, token } = await nodes.user();
      const [events, messages] = [await nodes.stream(frozen, token), await nodes.socket(frozen, token)];
      await publish('before');
      await events.event('post');
      await messages.message('post');
      await sleep(37 * (round % 7)); // at any moment between two signs of life
      frozen.signal('SIGSTOP');
      await nodes.acting.users.block(userId, { reason: 'spam' });
      for (let i = 0; i < POSTS; i++) await publish('after');
      await sleep(FROZEN_MS[round % FROZEN_MS.length]);
      frozen.signal('SIGCONT');
      await publish('after');
      await Promise.all([events.ended(), messages.ended()]);
      const seen = [...events.events, ...messages.messages.map(({ event, data }) => ({ name: event, data }))];
      late.push(...seen.filter(({ data }) => data['text'] === 'after'));
    }
    expect(late).toEqual([]);
    for (let i = 0; i < 100 && otherMessages.messages.length < published; i++) await sleep(50);
    const idsOf = (all: readonly { data: Record<string, unknown> }[]) =>
      all.map(({ data }) => data['id']).filter(Boolean);
    const everything = Array.from({ length: published }, (_, i) => i + 1);
    expect(idsOf(otherEvents.events)).toEqual(everything);
    expect(idsOf(otherMessages.messages)).toEqual(everything);
  }, 120_000);
});

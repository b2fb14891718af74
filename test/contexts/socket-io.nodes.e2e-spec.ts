import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { figures } from '../live/support/live-nodes.js';
import { BUILD_TIMEOUT_MS, buildLibrary } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { Slowness } from '../support/slowness.js';
import { IoTestClient } from './support/io-client.js';
import { type IoNode, startIoNode } from './support/io-node.js';

const ENTRY = join(__dirname, 'support/io-process.mjs');
const STORM = 60;
const AT_ONCE = 4;
const ROUNDS = 50;
/** So often it is measured again on a machine that is busy with other tests. */
const ATTEMPTS = 3;
const END_WITHIN_MS = 100;

interface Post {
  readonly at: string;
  readonly by: string;
  readonly to: string;
  readonly bytes?: Buffer;
}

let server: RedisServer;
let proxy: CutOffProxy;
/** Hold the connections, and speak: one on Express, one on Fastify, to each other's clients as well. */
let holders: readonly AppProcess[];
/** Acts. */
let acting: IoNode;
const opened: IoTestClient[] = [];

beforeAll(() => buildLibrary(), BUILD_TIMEOUT_MS);
beforeAll(async () => {
  server = await RedisServer.start();
  proxy = await CutOffProxy.start(server.port);
  const start = (PLATFORM: string, NAME: string) =>
    AppProcess.start({
      entry: ENTRY,
      env: { REDIS_URL: server.url, SESSIONS_URL: proxy.url, PLATFORM, NAME, SPEAK_EVERY_MS: '5' },
    });
  holders = await Promise.all([start('Express', 'one'), start('Fastify', 'other')]);
  acting = await startIoNode({ session: { redis: server.url, commandTimeoutMs: 1_000 } });
}, 60_000);
afterEach(() => {
  proxy.delayMs = 0;
  for (const client of opened.splice(0)) client.close();
});
afterAll(async () => {
  await acting?.stop();
  await Promise.all(holders?.map((holder) => holder.stop('SIGKILL')) ?? []);
  await proxy?.close();
  await server?.stop();
}, 60_000);

async function open(holder: AppProcess | undefined, token: string, options: object = {}, path = '') {
  const client = await IoTestClient.open(`${holder?.url}${path}`, { auth: { token }, ...options });
  opened.push(client);
  return client;
}

const postsTo = (client: IoTestClient): readonly Post[] => client.events('post') as Post[];

describe('blocks and demotions in one process, while two others speak to all their clients', () => {
  it('let nothing through that was said after the act had resolved', async () => {
    const { posts, late } = await storm(STORM, AT_ONCE);
    expect(posts).toBeGreaterThan(STORM * 3);
    expect(late).toBe(0);
  }, 120_000);

  it('end within 100 ms (p99) and what the machine takes for a request, on sockets and polling alike', async () => {
    let excess = Infinity;
    for (let attempt = 0; attempt < ATTEMPTS && excess >= END_WITHIN_MS; attempt++) {
      const slowness = new Slowness();
      const { ends, late } = await storm(ROUNDS, 1, slowness);
      expect(late).toBe(0);
      excess = figures(ends).p99 - slowness.p99;
    }
    expect(excess).toBeLessThan(END_WITHIN_MS);
  }, 240_000);

  /** Acts, each against a user with clients on both processes. */
  async function storm(count: number, atOnce: number, slowness = new Slowness()) {
    const ends: number[] = [];
    const acts: number[] = [];
    let [posts, late, expired] = [0, 0, 0];
    const round = async (i: number): Promise<void> => {
      const isBlock = i % 2 === 0;
      const { userId, token } = await acting.user(['moderator']);
      const polling = { transports: ['polling'] };
      const namespace = isBlock ? '' : '/staff';
      const clients = await Promise.all([
        open(holders[0], token, {}, namespace),
        open(holders[1], token, {}, namespace),
        open(holders[i % 4 < 2 ? 0 : 1], token, polling, namespace),
      ]);
      await Promise.all(clients.map((client) => client.event('post')));
      await sleep(20);
      for (const { url } of holders) await slowness.sample(`${url}/health`);
      const startedAt = performance.now();
      const { ms, nodes } = isBlock
        ? await acting.users.block(userId, { reason: 'spam' })
        : await acting.users.setRoles(userId, ['author']);
      const resolvedAt = process.hrtime.bigint();
      acts.push(ms);
      expired += nodes.expired;
      for (const client of clients) ends.push((await client.ended()).at - startedAt);
      await sleep(30);
      for (const client of clients) {
        expect(client.events('session-ended')).toEqual([{ code: isBlock ? 'user_blocked' : 'forbidden' }]);
        const got = postsTo(client);
        posts += got.length;
        late += got.filter(({ at }) => BigInt(at) > resolvedAt).length;
        client.close();
      }
    };
    for (let i = 0; i < count; i += atOnce)
      await Promise.all(Array.from({ length: atOnce }, (_, j) => round(i + j)));
    console.log(`${count} acts, ${atOnce} at a time: posts, of which said after the act`, {
      posts,
      late,
      expired,
    });
    console.log('end of sockets of other processes after an act, ms', figures(ends));
    console.log('act until it is confirmed, ms', figures(acts));
    return { ends, posts, late };
  }

  it('what is said reaches the clients of either process, by room, by socket and to all, with attachments', async () => {
    const { token } = await acting.user(['moderator']);
    const client = await open(holders[0], token);
    const staff = await client.join('/staff', { token });
    if (!(staff instanceof IoTestClient)) throw new Error('It was refused');
    await sleep(300);
    const ways = (one: IoTestClient) => [...new Set(postsTo(one).map(({ by, to }) => `${by} ${to}`))].sort();
    expect(ways(client)).toEqual(['one all', 'one one', 'one room', 'other all', 'other room']);
    expect(ways(staff)).toEqual(['one staff', 'other staff']);
    const attached = postsTo(client).filter(({ bytes }) => bytes);
    expect(attached.length).toBeGreaterThan(10);
    expect(attached.every(({ bytes }) => Buffer.isBuffer(bytes) && bytes.length === 16)).toBe(true);
    await acting.users.setRoles(await userOf(token), ['author']);
    await staff.ended();
    const before = postsTo(client).length;
    await sleep(100);
    expect(postsTo(client).length).toBeGreaterThan(before); // where the user may be, nothing has changed
  });

  it('puts no credential on the wire between nodes', async () => {
    const { token } = await acting.user();
    await open(holders[0], token);
    await open(holders[0], token, {
      auth: {},
      extraHeaders: { cookie: `__Host-session=${token}; theme=dark` },
    });
    await open(holders[0], token, { auth: {}, extraHeaders: { authorization: `Bearer ${token}` } });
    const seen: string[] = [];
    const listener = server.client();
    await listener.psubscribe('socket.io*');
    listener.on('pmessage', (_pattern, _channel, text: string) => void seen.push(text));
    const handshakes = (await (await fetch(`${holders[1]?.url}/sockets`)).json()) as unknown[];
    await sleep(50);
    expect(handshakes).toHaveLength(3);
    expect(JSON.stringify(handshakes)).toContain('theme=dark');
    const wire = seen.join('\n');
    expect(wire).toContain('theme=dark');
    expect(wire + JSON.stringify(handshakes)).not.toContain(token.slice(-30));
  });
});

describe('a demotion in one process, in a storm of messages to another', () => {
  // With slow answers, many a message was permitted by what Redis said before the demotion and is yet to be handled.
  it.each([0, 20])(
    'handles none after setRoles() has resolved, with answers %i ms late',
    async (delayMs) => {
      proxy.delayMs = delayMs;
      let [handled, late] = [0, 0];
      for (let round = 0; round < 20; round++) {
        const { userId, token } = await acting.user(['moderator']);
        const clients = await Promise.all([open(holders[0], token), open(holders[1], token)]);
        let isStorming = true;
        const storming = clients.map(async ({ socket }) => {
          while (isStorming) {
            for (let i = 0; i < 5; i++) socket.emit('delete');
            await sleep(2);
          }
        });
        await sleep(20 + 3 * delayMs);
        await acting.users.setRoles(userId, ['author']);
        const resolvedAt = process.hrtime.bigint();
        await sleep(20 + 2 * delayMs);
        isStorming = false;
        await Promise.all(storming);
        await Promise.all(clients.map((client) => client.event('exception', 10_000)));
        const instants = clients.flatMap((client) => client.events('deleted') as { at: string }[]);
        handled += instants.length;
        late += instants.filter(({ at }) => BigInt(at) > resolvedAt).length;
        for (const client of clients) client.close();
      }
      console.log(`privileged messages in 20 storms, answers ${delayMs} ms late`, { handled, late });
      expect(handled).toBeGreaterThan(20);
      expect(late).toBe(0);
    },
    120_000,
  );
});

describe('a process that is frozen', () => {
  it('says nothing to its clients when it goes on, that was said meanwhile', async () => {
    const frozen = await AppProcess.start({
      entry: ENTRY,
      env: { REDIS_URL: server.url, PLATFORM: 'Express' },
    });
    try {
      const { userId, token } = await acting.user();
      const client = await open(frozen, token);
      await client.event('post');
      frozen.signal('SIGSTOP');
      await sleep(20); // what was on its way has come
      const { nodes } = await acting.users.block(userId, { reason: 'spam' });
      expect(nodes.expired).toBe(1);
      const resolvedAt = process.hrtime.bigint();
      await sleep(200);
      frozen.signal('SIGCONT'); // Redis has kept what the others have said for it
      await client.ended();
      await sleep(50);
      expect(client.events('session-ended')).toEqual([{ code: 'user_blocked' }]);
      expect(postsTo(client).filter(({ at }) => BigInt(at) > resolvedAt)).toEqual([]);
    } finally {
      await frozen.stop('SIGKILL');
    }
  });
});

/** The user whom a session is of. */
async function userOf(token: string): Promise<string> {
  return (await acting.sessions.authenticate(token, { roleGroups: [] })).user.id;
}

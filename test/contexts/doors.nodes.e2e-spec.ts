import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client as GrpcClient, credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { bearer, SocketClient, StreamClient } from '../live/support/clients.js';
import { figures } from '../live/support/live-nodes.js';
import { BUILD_TIMEOUT_MS, buildLibrary } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';
import { Slowness } from '../support/slowness.js';
import { sessionsOn } from '../support/sessions-on.js';
import { IoTestClient } from './support/io-client.js';

const ENTRY = join(__dirname, 'support/doors-process.mjs');
const ACTS = 200;
const AT_ONCE = 4;
/** So often it is measured on a machine that is busy with other tests. */
const ATTEMPTS = 3;
const END_WITHIN_MS = 100;

/** One open door: what came through it, and when it was ended, by performance.now(). */
interface Door {
  readonly name: string;
  readonly ticks: () => readonly string[];
  readonly ended: Promise<number>;
  readonly close: () => void;
}

interface Node {
  readonly process: AppProcess;
  readonly grpc: GrpcClient & { watch(nothing: object, metadata: Metadata): NodeJS.EventEmitter };
}

let server: RedisServer;
let nodes: readonly Node[];
let acting: Awaited<ReturnType<typeof sessionsOn>>;

beforeAll(() => buildLibrary(), BUILD_TIMEOUT_MS);
beforeAll(async () => {
  server = await RedisServer.start();
  acting = await sessionsOn(server.url);
  nodes = await Promise.all((['ws', 'socket.io'] as const).map(startNode));
}, 60_000);
afterAll(async () => {
  for (const { grpc } of nodes ?? []) grpc.close();
  await Promise.all(nodes?.map((node) => node.process.stop('SIGKILL')) ?? []);
  await acting?.close();
  await server?.stop();
}, 60_000);

async function startNode(sockets: string): Promise<Node> {
  const grpcPort = String(await freePort());
  const process = await AppProcess.start({
    entry: ENTRY,
    env: { REDIS_URL: server.url, SOCKETS: sockets, GRPC_PORT: grpcPort },
  });
  const { doors } = loadPackageDefinition(loadSync(join(__dirname, 'support/doors.proto'))) as unknown as {
    doors: { Doors: new (url: string, channel: unknown) => Node['grpc'] };
  };
  return { process, grpc: new doors.Doors(`127.0.0.1:${grpcPort}`, credentials.createInsecure()) };
}

const now = () => performance.now();

async function openSse({ process }: Node, token: string): Promise<Door> {
  const client = await StreamClient.open(process.url, bearer(token), '/sse');
  await client.event('tick');
  return {
    name: 'sse',
    ticks: () => client.events.filter(({ name }) => name === 'tick').map(({ data }) => String(data['at'])),
    ended: client.ended(),
    close: () => client.close(),
  };
}

async function openWs({ process }: Node, token: string): Promise<Door> {
  const client = await SocketClient.open(process.url, bearer(token));
  await client.message('tick');
  return {
    name: 'ws',
    ticks: () =>
      client.messages.filter(({ event }) => event === 'tick').map(({ data }) => String(data['at'])),
    ended: client.ended().then(({ at }) => at),
    close: () => client.close(),
  };
}

async function openIo({ process }: Node, token: string): Promise<Door> {
  const client = await IoTestClient.open(process.url, { auth: { token } });
  await client.event('tick');
  return {
    name: 'socket.io',
    ticks: () => (client.events('tick') as { at: string }[]).map(({ at }) => at),
    ended: client.ended().then(({ at }) => at),
    close: () => client.close(),
  };
}

function openGraphql({ process }: Node, token: string): Promise<Door> {
  const ticks: string[] = [];
  return new Promise((resolve) => {
    let end: (at: number) => void = () => undefined;
    const ended = new Promise<number>((over) => (end = over));
    const client = createClient({
      url: `${process.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: `Bearer ${token}` },
      on: { closed: () => end(now()) },
    });
    const door = { name: 'graphql', ticks: () => ticks, ended, close: () => void client.dispose() };
    client.subscribe<{ tick: string }>(
      { query: 'subscription { tick }' },
      {
        next: ({ data }) => {
          if (data) ticks.push(data.tick);
          resolve(door);
        },
        error: () => end(now()),
        complete: () => end(now()),
      },
    );
  });
}

function openGrpc({ grpc }: Node, token: string): Promise<Door> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const call = grpc.watch({}, metadata);
  const ticks: string[] = [];
  return new Promise((resolve) => {
    let end: (at: number) => void = () => undefined;
    const ended = new Promise<number>((over) => (end = over));
    call.on('error', () => end(now()));
    call.on('end', () => end(now()));
    call.on('data', ({ at }: { at: string }) => {
      ticks.push(at);
      const close = (): void => (call as unknown as { cancel(): void }).cancel();
      resolve({ name: 'grpc', ticks: () => ticks, ended, close });
    });
  });
}

/** Every door of both nodes. */
async function openAll(token: string): Promise<Door[]> {
  const [first, second] = nodes as [Node, Node];
  const onEach = nodes.flatMap((node) => [
    openSse(node, token),
    openGraphql(node, token),
    openGrpc(node, token),
  ]);
  return Promise.all([openWs(first, token), openIo(second, token), ...onEach]);
}

interface Figures {
  readonly late: Readonly<Record<string, number>>;
  readonly ends: readonly number[];
  readonly ticks: number;
}

/** A request to each node, while it speaks. */
async function listenFor(slowness: Slowness): Promise<void> {
  for (const { process } of nodes) await slowness.sample(process.url);
}

/** Blocks and demotions, each of a user with every door of both nodes open. */
async function storm(count: number, atOnce: number, slowness = new Slowness()): Promise<Figures> {
  const late: Record<string, number> = {};
  const ends: number[] = [];
  let ticks = 0;
  const round = async (i: number): Promise<void> => {
    const userId = `user-${count}-${i}-${Math.random()}`;
    await acting.users.ensure(userId, { roles: ['moderator'] });
    const { token } = await acting.sessions.create(userId);
    const doors = await openAll(token);
    await listenFor(slowness);
    const startedAt = now();
    if (i % 2 === 0) await acting.users.block(userId, { reason: 'spam' });
    else await acting.users.setRoles(userId, ['author']);
    const resolvedAt = process.hrtime.bigint();
    for (const { ended } of doors) ends.push((await ended) - startedAt);
    await sleep(20);
    for (const door of doors) {
      ticks += door.ticks().length;
      const after = door.ticks().filter((at) => BigInt(at) > resolvedAt).length;
      if (after > 0) late[door.name] = (late[door.name] ?? 0) + after;
      door.close();
    }
  };
  for (let i = 0; i < count; i += atOnce)
    await Promise.all(Array.from({ length: atOnce }, (_, j) => round(i + j)));
  console.log(`${count} acts over all doors, ${atOnce} at a time: ticks`, ticks, 'late', late, figures(ends));
  return { late, ends, ticks };
}

describe('blocks and demotions while every door of two processes is open, and all of them speak', () => {
  it('serve nothing that was said after the act had resolved, and end everything', async () => {
    const { late, ends, ticks } = await storm(ACTS, AT_ONCE);
    expect(late).toEqual({});
    expect(ends).toHaveLength(ACTS * 8);
    expect(ticks).toBeGreaterThan(ACTS * 8);
  }, 180_000);

  it('end within 100 ms (p99), and what the machine takes for a request', async () => {
    let excess = Infinity;
    for (let attempt = 0; attempt < ATTEMPTS && excess >= END_WITHIN_MS; attempt++) {
      const slowness = new Slowness();
      const { p99 } = figures((await storm(40, 1, slowness)).ends);
      excess = p99 - slowness.p99;
    }
    expect(excess).toBeLessThan(END_WITHIN_MS);
  }, 120_000);
});

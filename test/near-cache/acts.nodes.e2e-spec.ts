import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService, UserStateService } from '@latchkey/session';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import { figures } from '../live/support/live-nodes.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { BUSY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const ENTRY = join(__dirname, 'support/near-process.mjs');
const LEASE_MS = 600;
const NODES = 3;
const isSoak = process.env['SOAK'] === '1';
const ROUNDS = isSoak ? 20 : 2;

let server: RedisServer;
/** Between Redis and the first node. */
let proxy: CutOffProxy;
let nodes: AppProcess[];
let acting: INestApplicationContext;
let sessions: SessionService;
let users: UserStateService;
let names = 0;
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  await buildSample();
  server = await RedisServer.start();
  proxy = await CutOffProxy.start(server.port);
  const env = { LEASE_MS: String(LEASE_MS), REDIS_TIMEOUT_MS: '180' };
  const urls = [proxy.url, ...Array.from({ length: NODES - 1 }, () => server.url)];
  nodes = await Promise.all(
    urls.map((url) =>
      AppProcess.start({ entry: ENTRY, readyTimeoutMs: 60_000, env: { ...env, REDIS_URL: url } }),
    ),
  );
  const options = { redis: server.url, nearCache: { leaseMs: LEASE_MS, maxEntries: 100 } };
  acting = await NestFactory.createApplicationContext(SessionModule.forRoot(options), { logger: false });
  sessions = acting.get(SessionService);
  users = acting.get(UserStateService);
  await sleep(1_300); // until then nobody keeps anything
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  agent.destroy();
  await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
  await acting.close();
  await proxy.close();
  await server.stop();
});

interface Person {
  readonly userId: string;
  readonly token: string;
  readonly sessionId: string;
}

async function login(userId = `user-${(names += 1)}`): Promise<Person> {
  await users.ensure(userId, { roles: ['moderator'] });
  const { token, session } = await sessions.create(userId);
  return { userId, token, sessionId: session.id };
}

/** Users whose records are older than a lease, and a margin for clocks: else acts on them wait until they are. */
async function people(count: number): Promise<Person[]> {
  const made = await Promise.all(Array.from({ length: count }, () => login()));
  await sleep(LEASE_MS + 300);
  return made;
}

interface Answer {
  readonly node: number;
  readonly sentAt: number;
  readonly status: number;
}

function ask(node: number, { token }: Person, path = '/moderate'): Promise<Answer> {
  const sentAt = performance.now();
  return new Promise((resolve) => {
    const failed = (): void => resolve({ node, sentAt, status: 0 });
    const url = `${(nodes[node] as AppProcess).url}${path}`;
    get(url, { agent, timeout: 5_000, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume().once('end', () => resolve({ node, sentAt, status: response.statusCode ?? 0 }));
    })
      .once('error', failed)
      .once('timeout', failed);
  });
}

/** Of a process that is still cold on a busy machine, the first call may outlast its deadline. */
async function answered(node: number, person: Person): Promise<Answer> {
  for (const from = performance.now(); ;) {
    const answer = await ask(node, person);
    if (answer.status !== 503 || performance.now() - from > 5_000) return answer;
  }
}

/** Requests to all nodes, one after the other on each, until it is stopped. */
function load(person: Person) {
  const answers: Answer[] = [];
  let isOn = true;
  const running = nodes.map(async (_, node) => {
    while (isOn) {
      answers.push(await ask(node, person));
      await sleep(1);
    }
  });
  return {
    async stop(): Promise<readonly Answer[]> {
      isOn = false;
      await Promise.all(running);
      return answers;
    },
  };
}

/** Where the first node finds Redis from now on. */
async function lead(port: number): Promise<void> {
  proxy.cut();
  Reflect.set(proxy, 'targetPort', port);
  await proxy.heal();
}

type Act = (person: Person) => Promise<unknown>;
const ACTS: Readonly<Record<string, Act>> = {
  block: ({ userId }) => users.block(userId, { reason: 'spam' }),
  logout: ({ userId, sessionId }) => sessions.revoke(userId, sessionId, 'logout'),
  demotion: ({ userId }) => users.setRoles(userId, []),
  'a new token': async ({ token }) => sessions.replaceToken((await sessions.authenticate(token)).session),
  'revocation of all': ({ userId }) => sessions.revokeAll(userId),
  'an allowlist': ({ userId }) => users.setIpAllowlist(userId, ['203.0.113.0/24']),
  erasure: ({ userId }) => users.erase(userId),
};

/** @returns how long the act took, and who was let in that was sent after it had resolved */
async function judged(person: Person, act: Act, fault: () => unknown = () => undefined, mend = fault) {
  // All have an answer in memory, also where this is the first request of a process.
  const before = await Promise.all(nodes.map((_, node) => answered(node, person)));
  expect(before.map(({ status }) => status)).toEqual(nodes.map(() => 200));
  const requests = load(person);
  await sleep(60);
  await fault();
  const startedAt = performance.now();
  await act(person);
  const resolvedAt = performance.now();
  const onceMore = nodes.map((_, node) => ask(node, person));
  if (mend !== fault) await mend();
  await sleep(80);
  const answers = [...(await requests.stop()), ...(await Promise.all(onceMore))];
  const late = answers.filter(({ status, sentAt }) => status === 200 && sentAt > resolvedAt);
  return { ms: resolvedAt - startedAt, late };
}

describe('no node lets a request in that is sent after an act has resolved', () => {
  it.each(Object.keys(ACTS))('%s', async (name) => {
    const taken: number[] = [];
    for (const person of await people(ROUNDS)) {
      const { ms, late } = await judged(person, ACTS[name] as Act);
      expect(late).toEqual([]);
      taken.push(ms);
    }
    console.log(`${name}, ms`, figures(taken));
    // A record that is gone cannot tell of leases: an erasure waits for a whole one.
    expect(Math.min(...taken)).toBeLessThan(name === 'erasure' ? LEASE_MS + BUSY_MS : LEASE_MS / 2);
  });

  const last = () => nodes[NODES - 1] as AppProcess;
  const FAULTS: Readonly<Record<string, readonly [fault: () => unknown, mend: () => unknown]>> = {
    // Nor does it hear of the act when it goes on.
    'a node is frozen': [
      async () => {
        last().signal('SIGSTOP');
        await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      },
      () => last().signal('SIGCONT'),
    ],
    'nodes do not hear': [() => server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub'), () => undefined],
    'a node is cut off': [() => proxy.blackhole(), () => proxy.heal()],
    'a node gets its answers late': [() => (proxy.delayMs = 150), () => (proxy.delayMs = 0)],
  };
  it.each(Object.keys(FAULTS))('while %s', async (name) => {
    const [fault, mend] = FAULTS[name] as (typeof FAULTS)[string];
    const taken: number[] = [];
    for (const person of await people(ROUNDS)) {
      const { ms, late } = await judged(person, ACTS['demotion'] as Act, fault, mend);
      expect(late).toEqual([]);
      taken.push(ms);
      await sleep(300);
    }
    console.log(`while ${name}, ms`, figures(taken));
    expect(Math.min(...taken)).toBeLessThan(LEASE_MS + BUSY_MS);
  });

  it('after FLUSHALL, of who has logged in again', async () => {
    const [person] = (await people(1)) as [Person];
    let again: Person | undefined;
    const { late } = await judged(person, async ({ userId }) => {
      await server.client().flushall();
      again = await login(userId);
      await users.block(userId, { reason: 'spam' });
    });
    expect(late).toEqual([]);
    expect((await ask(0, again as Person)).status).toBe(403);
  });

  it('after FLUSHALL, by an update that makes the record anew', async () => {
    const [person] = (await people(1)) as [Person];
    const { late } = await judged(person, async ({ userId }) => {
      await server.client().flushall();
      await users.update(userId, { roles: [] });
    });
    expect(late).toEqual([]);
  });

  it('after a failover that loses leases', async () => {
    const [person] = (await people(1)) as [Person];
    const link = await CutOffProxy.start(server.port);
    const replica = await RedisServer.start({
      args: ['--repl-diskless-sync-delay', '0', '--replicaof', '127.0.0.1', String(link.port)],
    });
    const admin = replica.client();
    while (!String(await admin.info('replication')).includes('master_link_status:up')) await sleep(20);
    link.blackhole(); // from now on the replica gets nothing: no lease of this user's
    let promoted: INestApplicationContext | undefined;
    try {
      const failOver = async (): Promise<void> => {
        await admin.replicaof('NO', 'ONE');
        const near = { leaseMs: LEASE_MS, maxEntries: 100 };
        const options = { redis: replica.url, nearCache: near };
        promoted = await NestFactory.createApplicationContext(SessionModule.forRoot(options), {
          logger: false,
        });
        await ask(0, person); // kept by a lease that the promoted server has never heard of
        await lead(replica.port);
      };
      const block: Act = ({ userId }) => promoted!.get(UserStateService).block(userId, { reason: 'spam' });
      const { late } = await judged(person, block, failOver, () => undefined);
      // The others are still on the other server, which knows nothing of the block.
      expect(late.filter(({ node }) => node === 0)).toEqual([]);
    } finally {
      await lead(server.port);
      await promoted?.close();
      await replica.stop();
      await link.close();
    }
  });
});

describe('a near cache', () => {
  it('asks once for a thousand requests at once', async () => {
    const [person] = (await people(1)) as [Person];
    const { inner } = acting.get<{ readonly inner: { authenticate: () => unknown } }>(SESSION_REPOSITORY);
    const asked = jest.spyOn(inner, 'authenticate');
    await Promise.all(Array.from({ length: 1_000 }, () => sessions.authenticate(person.token)));
    expect(asked).toHaveBeenCalledTimes(1);
    asked.mockRestore();
  });

  it('answers without Redis until its lease has run out, and 503 then, in time', async () => {
    const [person] = (await people(1)) as [Person];
    const sentAt = performance.now();
    expect((await ask(1, person)).status).toBe(200);
    await server.kill();
    expect((await ask(1, person)).status).toBe(200);
    await sleep(LEASE_MS - (performance.now() - sentAt) + 20);
    const askedAt = performance.now();
    expect((await ask(1, person)).status).toBe(503);
    expect(performance.now() - askedAt).toBeLessThan(250 + BUSY_MS);
    await server.restart();
  });
});

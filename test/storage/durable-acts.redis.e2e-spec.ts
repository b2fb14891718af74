import { setTimeout as sleep } from 'node:timers/promises';
import { redisClientOptions } from '@latchkey/session';
import { type Cluster, Redis } from 'ioredis';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';
import { ReplicaWait } from '../../libs/session/src/redis/calls/replica-wait.js';
import { SCRIPTS } from '../../libs/session/src/redis/lua/script.js';
import { IpAllowlists } from '../../libs/session/src/services/ip/ip-allowlists.service.js';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { SentinelGroup } from '../support/sentinel-group.js';
import { type SessionsOn, sessionsOn } from '../support/sessions-on.js';

const DURABLE = { durability: 'all-replicas' } as const;
const spam = { reason: 'spam' };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const opened = <T>(one: T, close: () => unknown): T => {
  closing.push(async () => close());
  return one;
};
/** Longer than a busy machine stalls; an unmet act takes it whole. */
const settings = (replicas: number) => ({ replicas, commandTimeoutMs: 500 });

async function replicaOf(port: number): Promise<RedisServer> {
  const follow = ['--repl-diskless-sync-delay', '0', '--replicaof', '127.0.0.1', String(port)];
  const server = await RedisServer.start({ args: follow });
  opened(server, () => server.stop());
  while (!(await server.client().info('replication')).includes('master_link_status:up')) await sleep(20);
  return server;
}

/** A replica counts once its primary has heard from it, which may be a second after it has synchronised. */
async function areFollowing(primary: RedisServer, count: number): Promise<void> {
  const info = () => primary.client().info('replication');
  await primary.client().publish('none', ''); // something to follow
  const sent = Number(/master_repl_offset:(\d+)/.exec(await info())?.[1]);
  const following = async () =>
    [...(await info()).matchAll(/^slave\d.*offset=(\d+)/gm)].filter(([, at]) => Number(at) >= sent).length;
  while ((await following()) < count) await sleep(20);
}

/** A primary, a replica beside it, and one whose link can be cut off. */
async function open() {
  const primary = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
  opened(primary, () => primary.stop());
  const link = await CutOffProxy.start(primary.port);
  opened(link, () => link.cut());
  const near = await replicaOf(primary.port);
  const far = await replicaOf(link.port);
  await areFollowing(primary, 2);
  const on = await sessionsOn(primary.url, settings(2));
  opened(on, () => on.close());
  for (const userId of ['ada', 'bob', 'eve']) await on.users.ensure(userId);
  return { primary, near, far, link, on };
}

/** What a node finds on a server that takes over. */
async function afterTakeover(server: RedisServer, userId: string) {
  await server.client().replicaof('NO', 'ONE');
  const on = await sessionsOn(server.url);
  opened(on, () => on.close());
  return on.users.get(userId);
}

const acts: Record<string, (on: SessionsOn) => Promise<unknown>> = {
  block: ({ users }) => users.block('ada', { ...spam, ...DURABLE }),
  setRoles: ({ users }) => users.setRoles('ada', ['admin'], DURABLE),
  grant: ({ users }) => users.grant('ada', 'admin', DURABLE),
  withdraw: ({ users }) => users.withdraw('ada', 'admin', DURABLE),
  setIpAllowlist: ({ users }) => users.setIpAllowlist('ada', ['::1'], DURABLE),
  revokeAll: ({ sessions }) => sessions.revokeAll('ada', DURABLE),
  'IpAllowlists.set': ({ repository }) =>
    new IpAllowlists(repository, checkOptions({})).set('office', ['::1'], DURABLE),
};

describe('an act for all replicas', () => {
  it('is acknowledged when each has it, and refused, though in force, while one has not', async () => {
    const { on, link, far } = await open();
    for (const act of Object.values(acts)) await act(on);
    link.blackhole();
    const refused = await Promise.allSettled(Object.values(acts).map((act) => act(on)));
    for (const one of refused)
      expect(one).toMatchObject({ reason: { code: 'not_durable', statusCode: 503 } });
    expect((await on.users.get('ada'))?.block).toMatchObject(spam);
    // What the refusal is about: the server without the act takes over.
    await expect(on.users.block('bob', { ...spam, ...DURABLE })).rejects.toMatchObject({
      code: 'not_durable',
    });
    await on.users.block('eve', { ...spam, durability: 'memory' });
    expect(await afterTakeover(far, 'bob')).not.toHaveProperty('block');
    expect((await afterTakeover(far, 'eve'))?.block).toBeUndefined();
  }, 30_000);

  it('is acknowledged when it is repeated after the replica is back', async () => {
    const { on, link, far, primary } = await open();
    link.blackhole();
    await expect(on.users.block('ada', { ...spam, ...DURABLE })).rejects.toMatchObject({
      code: 'not_durable',
    });
    await link.heal();
    while (!(await far.client().info('replication')).includes('master_link_status:up')) await sleep(20);
    await areFollowing(primary, 2);
    await on.users.block('ada', { ...spam, ...DURABLE });
    expect((await afterTakeover(far, 'ada'))?.block).toMatchObject(spam);
  }, 30_000);

  it('holds up no request, and many at once share their wait', async () => {
    const { on, link } = await open();
    const { token } = await on.sessions.create('bob');
    link.blackhole();
    const startedAt = performance.now();
    const blocks = Array.from({ length: 50 }, () =>
      on.users.grant('ada', 'x', DURABLE).catch(() => undefined),
    );
    let answered = 0;
    let isOver = false;
    const asking = (async () => {
      while (!isOver) await on.sessions.authenticate(token).then(() => (answered += 1));
    })();
    await Promise.all(blocks);
    // Two waits: the one that is under way, and the one that all others share. Alone, each would take its own.
    expect(performance.now() - startedAt).toBeLessThan(50 * 500);
    isOver = true;
    await asking;
    expect(answered).toBeGreaterThan(50);
  }, 30_000);

  it('does not believe a server that never heard of the act', async () => {
    const { on } = await open();
    const { repository } = on;
    const { version, epoch } = (await on.users.get('ada')) as { version: number; epoch: number };
    const asked = (over: object) =>
      repository.replication?.reached({ userRef: userRefOf('ada'), version, epoch, ...over });
    expect(await asked({})).toBe(true);
    expect(await asked({ version: version + 1 })).toBe(false);
    expect(await asked({ epoch: epoch + 1 })).toBe(false);
    expect(await asked({ userRef: userRefOf('nobody') })).toBe(false);
    expect(await repository.replication?.reached({ list: 'none', version: 1 })).toBe(false);
  }, 30_000);
});

it('no acknowledged block is undone when Sentinel replaces a primary that is killed', async () => {
  const group = await SentinelGroup.start({ replicas: 2 });
  opened(group, () => group.stop());
  const on = await sessionsOn({ ...redisClientOptions(), ...group.place }, settings(2));
  opened(on, () => on.close());
  await areFollowing(group.servers[0], 2);
  const userIds = Array.from({ length: 300 }, (_, i) => `user-${i}`);
  for (const userId of userIds) await on.users.ensure(userId);
  const acknowledged: string[] = [];
  const blocking = userIds.map(async (userId, i) => {
    await sleep(2 * i);
    await on.users.block(userId, { ...spam, ...DURABLE }).then(
      () => acknowledged.push(userId),
      () => undefined,
    );
  });
  await sleep(300);
  await group.servers[0].kill();
  await Promise.all(blocking);
  while ((await group.primary()) === group.servers[0]) await sleep(50);
  const after = await sessionsOn((await group.primary()).url);
  opened(after, () => after.close());
  expect(acknowledged.length).toBeGreaterThan(20);
  expect(acknowledged.length).toBeLessThan(300);
  for (const userId of acknowledged) expect((await after.users.get(userId))?.block).toMatchObject(spam);
}, 60_000);

it('finds the primary of each user in a Cluster', async () => {
  const servers = await RedisCluster.start({ replicas: 1 });
  opened(servers, () => servers.stop());
  const primaries = servers.nodes.slice(0, 3);
  const on = await sessionsOn(
    { cluster: primaries.map(({ host, port }) => ({ host, port })) },
    {
      replicas: 1,
      commandTimeoutMs: PATIENT_MS,
    },
  );
  opened(on, () => on.close());
  for (const primary of primaries) await areFollowing(primary, 1);
  for (let i = 0; i < 20; i++) {
    await on.users.ensure(`user-${i}`);
    await on.users.block(`user-${i}`, { ...spam, ...DURABLE });
  }
}, 60_000);

describe('the connections that wait', () => {
  const held = { script: SCRIPTS.reaffirmIpList, keys: ['list'], args: [5] } as const;

  /** A server without a replica, so that a wait is never met; and how many connections wait there. */
  async function openAlone() {
    const server = await RedisServer.start();
    opened(server, () => server.stop());
    await server.client().hset('list', 'version', 5);
    const clientOf = () => {
      const client = new Redis(server.url);
      return opened(client, () => client.disconnect());
    };
    const countOf = async () =>
      String(await server.client().client('LIST')).split('name=latchkey-wait ').length - 1;
    return { clientOf, countOf };
  }

  it('are over at close, also that of an act that still waits', async () => {
    const { clientOf, countOf } = await openAlone();
    const wait = new ReplicaWait(clientOf(), { replicas: 1, timeoutMs: 3_000 });
    const reached = wait.reached(held);
    while ((await countOf()) === 0) await sleep(5);
    wait.close();
    expect(await reached).toBe(false);
    while ((await countOf()) > 0) await sleep(5); // the server notices
    expect(await wait.reached(held)).toBe(false);
    expect(await countOf()).toBe(0);
  });

  it('to nodes that a Cluster has lost are given up', async () => {
    const { clientOf, countOf } = await openAlone();
    const nodes = [clientOf()];
    const cluster = { nodes: () => nodes } as unknown as Cluster;
    const wait = new ReplicaWait(cluster, { replicas: 1, timeoutMs: 20 });
    opened(wait, () => wait.close());
    for (let failover = 0; failover < 3; failover++) {
      expect(await wait.reached(held)).toBe(false);
      nodes.splice(0, 1, clientOf());
    }
    await wait.reached(held);
    while ((await countOf()) > 1) await sleep(5);
  });
});

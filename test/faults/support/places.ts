import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutOffProxy } from '../../support/cut-off-proxy.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { RedisServer } from '../../support/redis-server.js';
import { SentinelGroup } from '../../support/sentinel-group.js';
import type { RedisPlace } from './fault-apps.js';

export type Topology = 'standalone' | 'sentinel' | 'cluster';

/** A topology of real servers, each behind a proxy on the way from the apps to it. */
export interface Place extends RedisPlace {
  readonly topology: Topology;
  /** Of each primary. */
  readonly replicas: number;
  readonly servers: readonly RedisServer[];
  readonly proxies: readonly CutOffProxy[];
  /** The one that faults are done to. */
  primary(): Promise<RedisServer>;
  /** Of that one. */
  replicasOf(primary: RedisServer): Promise<RedisServer[]>;
  /** Resolves when those who decide name another primary than this one. */
  replaced(old: RedisServer): Promise<void>;
  /** Resolves when each replica follows its primary; a server that is back is told to. */
  healed(): Promise<void>;
  /** Hands the primary's place over while all is well, as before an upgrade. */
  failover?(): Promise<void>;
  isolate?(server: RedisServer): Promise<void>;
  unite?(server: RedisServer): Promise<void>;
  /** Data as they are now. @returns ends the server and starts it again with them */
  snapshot?(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

export const PLACES: Readonly<Record<Topology, () => Promise<Place>>> = {
  standalone: startStandalone,
  sentinel: startSentinels,
  cluster: startCluster,
};

async function startStandalone(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-faults-'));
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const server = await RedisServer.start({ dir, args: durable });
  const proxy = await CutOffProxy.start(server.port);
  return {
    topology: 'standalone',
    redis: proxy.url,
    replicas: 0,
    servers: [server],
    proxies: [proxy],
    primary: async () => server,
    replicasOf: async () => [],
    replaced: () => server.restart(),
    healed: async () => undefined,
    async snapshot() {
      const copy = await mkdtemp(join(tmpdir(), 'latchkey-snapshot-'));
      await cp(dir, copy, { recursive: true });
      return async () => {
        await server.kill();
        await rm(dir, { recursive: true });
        await cp(copy, dir, { recursive: true });
        await server.restart();
        await rm(copy, { recursive: true });
      };
    },
    async stop() {
      await proxy.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startSentinels(): Promise<Place> {
  const group = await SentinelGroup.start({ replicas: 2, sentinels: 3, isIsolable: true });
  const { proxies, nat } = await proxiesOf(group.servers);
  const replicasOf = async (primary: RedisServer) => group.servers.filter((server) => server !== primary);
  const replaced = async (old: RedisServer): Promise<void> => {
    while ((await group.primary()) === old) await sleep(20);
  };
  return {
    topology: 'sentinel',
    redis: { ...group.place, natMap: nat },
    replicas: 2,
    servers: group.servers,
    proxies,
    primary: () => group.primary(),
    replicasOf,
    replaced,
    async healed() {
      const primary = await group.primary();
      for (const server of await replicasOf(primary)) await follow(server, primary);
      await areCounted(primary, 2);
    },
    async failover() {
      const old = await group.primary();
      await group.failover();
      await replaced(old);
    },
    isolate: (server) => group.isolate(server),
    unite: (server) => group.unite(server),
    async stop() {
      for (const proxy of proxies) await proxy.close();
      await group.stop();
    },
  };
}

async function startCluster(): Promise<Place> {
  const cluster = await RedisCluster.start({ masters: 3, replicas: 1 });
  const { proxies, nat } = await proxiesOf(cluster.nodes);
  const primaryAmong = async (servers: readonly RedisServer[]) => {
    const said = await Promise.all(servers.map(async (server) => [server, await roleOf(server)] as const));
    return said.find(([, role]) => role === 'master')?.[0];
  };
  /** The first shard: whoever has its slots. */
  const [first, second] = [cluster.nodes[0], cluster.nodes[3]] as [RedisServer, RedisServer];
  const otherOf = (server: RedisServer) => (server === first ? second : first);
  let primary = first;
  const replaced = async (old: RedisServer): Promise<void> => {
    const heir = otherOf(old);
    while ((await roleOf(heir)) !== 'master' || !(await isClusterOk(heir))) await sleep(20);
    primary = heir;
  };
  return {
    topology: 'cluster',
    redis: { cluster: proxies.map(({ port }) => ({ host: '127.0.0.1', port })) },
    nat,
    replicas: 1,
    servers: cluster.nodes,
    proxies,
    primary: async () => primary,
    replicasOf: async (server) => [otherOf(server)],
    replaced,
    async healed() {
      for (;;) {
        const named = await primaryAmong([first, second]);
        if (named) primary = named;
        const info = await infoOf(otherOf(primary), 'replication');
        if (info?.includes('role:slave') && info.includes('master_link_status:up')) break;
        await sleep(50);
      }
      await areCounted(primary, 1);
    },
    async failover() {
      const old = primary;
      const client = otherOf(old).client();
      await client.call('CLUSTER', 'FAILOVER');
      client.disconnect();
      await replaced(old);
    },
    async stop() {
      for (const proxy of proxies) await proxy.close();
      await cluster.stop();
    },
  };
}

async function proxiesOf(servers: readonly RedisServer[]) {
  const proxies = await Promise.all(servers.map(({ port }) => CutOffProxy.start(port)));
  const entries = servers.map(({ host, port }, i) => [
    `${host}:${port}`,
    { host, port: proxies[i]?.port ?? 0 },
  ]);
  return { proxies, nat: Object.fromEntries(entries) as NonNullable<RedisPlace['nat']> };
}

/** @returns `undefined` when the server does not answer */
async function infoOf(server: RedisServer, section: string): Promise<string | undefined> {
  const client = server.client({ retryStrategy: () => null, lazyConnect: true, commandTimeout: 500 });
  try {
    await client.connect();
    return await client.info(section);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}

async function roleOf(server: RedisServer): Promise<string | undefined> {
  return /role:(\w+)/.exec((await infoOf(server, 'replication')) ?? '')?.[1];
}

async function isClusterOk(server: RedisServer): Promise<boolean> {
  const client = server.client();
  const info = String(await client.cluster('INFO'));
  client.disconnect();
  return info.includes('cluster_state:ok');
}

/** Has a server follow a primary, as a Sentinel would in some 10 s. */
async function follow(server: RedisServer, primary: RedisServer): Promise<void> {
  for (;;) {
    const info = await infoOf(server, 'replication');
    const isThere = info?.includes(`master_port:${primary.port}\r`) && info.includes('master_link_status:up');
    if (isThere) return;
    if (info !== undefined && !info.includes(`master_port:${primary.port}\r`)) {
      const client = server.client();
      await client.replicaof('127.0.0.1', primary.port);
      client.disconnect();
    }
    await sleep(50);
  }
}

/** A replica counts for a WAIT once its primary has heard from it. */
async function areCounted(primary: RedisServer, count: number): Promise<void> {
  for (;;) {
    const info = (await infoOf(primary, 'replication')) ?? '';
    const sent = Number(/master_repl_offset:(\d+)/.exec(info)?.[1]);
    await sleep(50);
    const later = (await infoOf(primary, 'replication')) ?? '';
    const counted = [...later.matchAll(/^slave\d.*state=online,offset=(\d+)/gm)];
    if (counted.filter(([, at]) => Number(at) >= sent).length >= count) return;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type ClusterOptions } from 'ioredis';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const JOIN_TIMEOUT_MS = 15_000;
const PORT_ATTEMPTS = 3;
const HOST = '127.0.0.1';

interface RedisClusterOptions {
  /** How many, 3 or more: fewer can elect nobody. Default 3. */
  readonly masters?: number;
  /** Of each master; it takes its place when the master dies. Default 0. */
  readonly replicas?: number;
  /** Sets `requirepass` on every node. Default none. */
  readonly password?: string;
}

/** A real Redis Cluster on 127.0.0.1; the slots are shared out evenly. */
export class RedisCluster {
  private readonly clients = new Set<Cluster>();

  private constructor(
    /** The masters, in the order of their slots; after them their replicas, in the same order. */
    readonly nodes: readonly RedisServer[],
    private readonly options: RedisClusterOptions,
  ) {}

  /** Starts a cluster; resolves when every node says `cluster_state:ok` and knows every slot's owner. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await RedisCluster.startOnce(options);
      } catch (error) {
        // Somebody else may have taken a free port of the bus in between.
        if (attempt === PORT_ATTEMPTS || !String(error).includes('Address already in use')) throw error;
      }
    }
  }

  private static async startOnce(options: RedisClusterOptions): Promise<RedisCluster> {
    const { masters = 3, replicas = 0, password } = options;
    const busPorts = await distinctPorts(masters * (1 + replicas));
    const started = await Promise.allSettled(
      busPorts.map((busPort) =>
        RedisServer.start({
          args: [...clusterArguments(busPort), ...(password === undefined ? [] : ['--masterauth', password])],
          ...(password === undefined ? {} : { password }),
        }),
      ),
    );
    const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const cluster = new RedisCluster(nodes, options);
    try {
      for (const result of started) if (result.status === 'rejected') throw result.reason;
      await cluster.join(busPorts, masters);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** `host:port` of each node, as `REDIS_CLUSTER` takes them. */
  get addresses(): string[] {
    return this.nodes.map((node) => `${node.host}:${node.port}`);
  }

  /** A plain client that is closed by `stop()`. */
  client(options: ClusterOptions = {}): Cluster {
    const { password } = this.options;
    const startupNodes = this.nodes.map(({ host, port }) => ({ host, port }));
    const client = new Cluster(startupNodes, {
      ...options,
      redisOptions: { ...(password === undefined ? {} : { password }), ...options.redisOptions },
    });
    client.on('error', () => undefined); // a node that a test takes down is no news
    this.clients.add(client);
    return client;
  }

  /** Ends all nodes and clients. */
  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    this.clients.clear();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  private async join(busPorts: readonly number[], masters: number): Promise<void> {
    const clients = this.nodes.map((node) => node.client());
    const first = this.nodes[0];
    if (!first) throw new RangeError('A cluster has nodes');
    const share = SLOTS / masters;
    for (const [index, client] of clients.entries()) {
      // Different epochs from the start: otherwise the nodes first have to settle who is who, which takes seconds.
      await client.cluster('SET-CONFIG-EPOCH', index + 1);
      const range = [Math.round(index * share), Math.round((index + 1) * share) - 1];
      if (index < masters) await client.call('CLUSTER', 'ADDSLOTSRANGE', ...range.map(String));
      if (index > 0) await client.call('CLUSTER', 'MEET', HOST, String(first.port), String(busPorts[0]));
    }
    const deadline = Date.now() + JOIN_TIMEOUT_MS;
    const until = async (isSo: () => Promise<boolean>): Promise<void> => {
      while (!(await isSo())) {
        if (Date.now() > deadline) throw new Error(`The cluster did not form within ${JOIN_TIMEOUT_MS} ms`);
        await sleep(20);
      }
    };
    for (const client of clients) await until(() => knowsAll(client, this.nodes.length, masters));
    for (const [index, client] of clients.entries()) {
      if (index < masters) continue;
      await client.call('CLUSTER', 'REPLICATE', String(await clients[index % masters]?.cluster('MYID')));
      await until(async () => (await client.info('replication')).includes('master_link_status:up'));
    }
    for (const client of clients) client.disconnect();
  }
}

async function knowsAll(
  client: { cluster(command: 'INFO'): Promise<unknown> },
  nodes: number,
  masters: number,
): Promise<boolean> {
  const info = String(await client.cluster('INFO'));
  const facts = ['cluster_state:ok', `cluster_known_nodes:${nodes}`, `cluster_size:${masters}`];
  return facts.every((fact) => info.includes(`${fact}\r`));
}

function clusterArguments(busPort: number): string[] {
  // Without the announced address clients are sent to whatever address the nodes saw each other under.
  const announce = ['--cluster-announce-ip', HOST];
  return [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(busPort),
    '--cluster-node-timeout',
    '2000',
    '--repl-diskless-sync-delay',
    '0',
    ...announce,
  ];
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

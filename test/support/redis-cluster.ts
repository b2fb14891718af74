import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type ClusterOptions } from 'ioredis';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const JOIN_TIMEOUT_MS = 15_000;
const HOST = '127.0.0.1';

export interface RedisClusterOptions {
  /** How many, 3 or more: fewer can elect nobody. Default 3. */
  readonly masters?: number;
  /** Sets `requirepass` on every node. Default none. */
  readonly password?: string;
}

/** A real Redis Cluster of masters on 127.0.0.1; the slots are shared out evenly. */
export class RedisCluster {
  private readonly clients = new Set<Cluster>();

  private constructor(
    /** The nodes, in the order of their slots. */
    readonly nodes: readonly RedisServer[],
    private readonly options: RedisClusterOptions,
  ) {}

  /** Starts a cluster; resolves when every node says `cluster_state:ok` and knows every slot's owner. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { masters = 3, password } = options;
    const busPorts = await distinctPorts(masters);
    const started = await Promise.allSettled(
      busPorts.map((busPort) =>
        RedisServer.start({
          args: clusterArguments(busPort),
          ...(password === undefined ? {} : { password }),
        }),
      ),
    );
    const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const cluster = new RedisCluster(nodes, options);
    try {
      for (const result of started) if (result.status === 'rejected') throw result.reason;
      await cluster.join(busPorts);
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

  private async join(busPorts: readonly number[]): Promise<void> {
    const clients = this.nodes.map((node) => node.client());
    const first = this.nodes[0];
    if (!first) throw new RangeError('A cluster has nodes');
    const share = SLOTS / this.nodes.length;
    for (const [index, client] of clients.entries()) {
      // Different epochs from the start: otherwise the nodes first have to settle who is who, which takes seconds.
      await client.cluster('SET-CONFIG-EPOCH', index + 1);
      const range = [Math.round(index * share), Math.round((index + 1) * share) - 1];
      await client.call('CLUSTER', 'ADDSLOTSRANGE', ...range.map(String));
      if (index > 0) await client.call('CLUSTER', 'MEET', HOST, String(first.port), String(busPorts[0]));
    }
    const deadline = Date.now() + JOIN_TIMEOUT_MS;
    for (const client of clients) {
      while (!(await knowsAll(client, this.nodes.length))) {
        if (Date.now() > deadline) throw new Error(`The cluster did not form within ${JOIN_TIMEOUT_MS} ms`);
        await sleep(20);
      }
      client.disconnect();
    }
  }
}

async function knowsAll(
  client: { cluster(command: 'INFO'): Promise<unknown> },
  masters: number,
): Promise<boolean> {
  const info = String(await client.cluster('INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}\r`);
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
    ...announce,
  ];
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

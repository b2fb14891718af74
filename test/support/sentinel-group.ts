import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startSentinel } from '../sample/support/sentinel.js';
import { RedisServer } from './redis-server.js';

const NAME = 'main';
const HOST = '127.0.0.1';

export interface SentinelGroupOptions {
  /** More arguments of each server. Default none. */
  readonly args?: readonly string[];
  /** Default 1. */
  readonly replicas?: number;
  /** So long the primary is silent before it counts as down. Default 1 s. */
  readonly downAfterMs?: number;
}

/** A primary, its replicas and a Sentinel that decides by itself. */
export class SentinelGroup {
  private constructor(
    /** The first one is the primary at first. */
    readonly servers: readonly [RedisServer, ...RedisServer[]],
    private readonly sentinel: Awaited<ReturnType<typeof startSentinel>>,
    private readonly admin: Redis,
  ) {}

  /** Resolves when the Sentinel knows the replicas, and they have what the primary has. */
  static async start(options: SentinelGroupOptions = {}): Promise<SentinelGroup> {
    const { args = [], replicas = 1, downAfterMs = 1_000 } = options;
    const fast = ['--repl-diskless-sync-delay', '0', ...args];
    const primary = await RedisServer.start({ args: fast });
    const follow = ['--replicaof', HOST, String(primary.port)];
    const others = await Promise.all(
      Array.from({ length: replicas }, () => RedisServer.start({ args: [...fast, ...follow] })),
    );
    for (const replica of others) while (!(await isInSync(replica))) await sleep(50);
    const sentinel = await startSentinel(NAME, primary.port);
    const admin = new Redis(placeOf(sentinel));
    admin.on('error', () => undefined);
    const group = new SentinelGroup([primary, ...others], sentinel, admin);
    await admin.call('SENTINEL', 'SET', NAME, 'down-after-milliseconds', String(downAfterMs));
    await admin.call('SENTINEL', 'SET', NAME, 'failover-timeout', '4000');
    for (const replica of others) await group.knows(replica);
    return group;
  }

  /** What a client is told of it. */
  get place() {
    return { sentinels: [placeOf(this.sentinel)], name: NAME };
  }

  get sentinelPort(): number {
    return placeOf(this.sentinel).port;
  }

  /** The server that the Sentinel names at this moment. */
  async primary(): Promise<RedisServer> {
    const [, port] = (await this.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as string[];
    return this.servers.find((server) => String(server.port) === port) ?? this.servers[0];
  }

  /** How many connections the Sentinel has. */
  async connections(): Promise<number> {
    return String(await this.admin.client('LIST'))
      .trim()
      .split('\n').length;
  }

  /** Asks for a failover while all is well, as before a server's upgrade. */
  async failover(): Promise<void> {
    await this.admin.call('SENTINEL', 'FAILOVER', NAME);
  }

  /** Resolves when this server follows another one: Sentinels see to that within some 20 s. */
  async follows(server: RedisServer): Promise<void> {
    const until = performance.now() + 25_000;
    while (!(await isInSync(server))) {
      if (performance.now() > until) throw new Error('The server has not become a replica');
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    this.admin.disconnect();
    await this.sentinel.stop();
    for (const server of [...this.servers].reverse()) await server.stop();
  }

  /** It learns of replicas from the primary, every 10 s at the latest. */
  private async knows(server: RedisServer): Promise<void> {
    const isKnown = async (): Promise<boolean> => {
      const replicas = (await this.admin.call('SENTINEL', 'REPLICAS', NAME)) as string[][];
      return replicas.some((fields) => {
        const valueOf = (name: string) => fields[fields.indexOf(name) + 1];
        return (
          valueOf('port') === String(server.port) &&
          valueOf('flags') === 'slave' &&
          valueOf('master-link-status') === 'ok'
        );
      });
    };
    while (!(await isKnown())) await sleep(100);
  }
}

function placeOf({ address }: { readonly address: string }) {
  return { host: HOST, port: Number(address.split(':')[1]) };
}

async function isInSync(server: RedisServer): Promise<boolean> {
  const client = server.client({ retryStrategy: () => null, lazyConnect: true });
  try {
    await client.connect();
    const info = await client.info('replication');
    return info.includes('role:slave') && info.includes('master_link_status:up');
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

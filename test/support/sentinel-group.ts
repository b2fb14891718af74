import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startSentinel } from '../sample/support/sentinel.js';
import { RedisServer } from './redis-server.js';

const NAME = 'main';
const HOST = '127.0.0.1';
/** As whom servers and Sentinels of an isolable group speak with each other. */
const PEER = ['on', '>peer', '~*', '&*', '+@all'];
/** Of clients there: a peer that is turned away must not get in as nobody. */
const PASSWORD = { password: 'clients' };

export interface SentinelGroupOptions {
  /** More arguments of each server. Default none. */
  readonly args?: readonly string[];
  /** Default 1. */
  readonly replicas?: number;
  /** How many Sentinels; the greater part of them decides. Default 1. */
  readonly sentinels?: number;
  /** Whether `isolate()` can be called. Default false. */
  readonly isIsolable?: boolean;
  /** So long the primary is silent before it counts as down. Default 1 s. */
  readonly downAfterMs?: number;
}

type Sentinel = Awaited<ReturnType<typeof startSentinel>>;

/** A primary, its replicas, and the Sentinels that decide by themselves. */
export class SentinelGroup {
  private constructor(
    /** The first one is the primary at first. */
    readonly servers: readonly [RedisServer, ...RedisServer[]],
    private readonly sentinels: readonly Sentinel[],
    private readonly admin: Redis,
    private readonly own: { readonly password?: string },
  ) {}

  /** Resolves when the Sentinel knows the replicas, and they have what the primary has. */
  static async start(options: SentinelGroupOptions = {}): Promise<SentinelGroup> {
    const {
      args = [],
      replicas = 1,
      sentinels: count = 1,
      downAfterMs = 1_000,
      isIsolable = false,
    } = options;
    const asPeer = isIsolable
      ? ['--user', 'peer', ...PEER, '--masteruser', 'peer', '--masterauth', 'peer']
      : [];
    const fast = ['--repl-diskless-sync-delay', '0', ...asPeer, ...args];
    const own = isIsolable ? PASSWORD : {};
    const primary = await RedisServer.start({ args: fast, ...own });
    const follow = ['--replicaof', HOST, String(primary.port)];
    const others = await Promise.all(
      Array.from({ length: replicas }, () => RedisServer.start({ args: [...fast, ...follow], ...own })),
    );
    for (const replica of others) while (!(await isInSync(replica))) await sleep(50);
    const lines = [
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 4000`,
      ...(isIsolable ? [`sentinel auth-user ${NAME} peer`, `sentinel auth-pass ${NAME} peer`] : []),
    ];
    const quorum = Math.floor(count / 2) + 1;
    const sentinels: Sentinel[] = [];
    for (let i = 0; i < count; i++)
      sentinels.push(await startSentinel(NAME, primary.port, { quorum, lines }));
    const admin = new Redis(placeOf(sentinels[0] as Sentinel));
    admin.on('error', () => undefined);
    const group = new SentinelGroup([primary, ...others], sentinels, admin, own);
    for (const replica of others) await group.knows(replica);
    while (!(await group.isQuorate())) await sleep(100);
    return group;
  }

  /** What a client is told of it. */
  get place() {
    return { sentinels: this.sentinels.map(placeOf), name: NAME, ...this.own };
  }

  get sentinelPort(): number {
    return placeOf(this.sentinels[0] as Sentinel).port;
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

  /** Cuts a server off from the other servers and the Sentinels, but not from clients. */
  async isolate(server: RedisServer): Promise<void> {
    const client = server.client();
    await client.call('ACL', 'SETUSER', 'peer', 'off');
    await client.call('CLIENT', 'KILL', 'USER', 'peer');
    client.disconnect();
  }

  /** Ends `isolate()`. */
  async unite(server: RedisServer): Promise<void> {
    const client = server.client();
    await client.call('ACL', 'SETUSER', 'peer', 'on');
    client.disconnect();
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
    for (const sentinel of this.sentinels) await sentinel.stop();
    for (const server of [...this.servers].reverse()) await server.stop();
  }

  private async isQuorate(): Promise<boolean> {
    const said = await this.admin.call('SENTINEL', 'CKQUORUM', NAME).catch(String);
    return String(said).startsWith(`OK ${this.sentinels.length} usable`);
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

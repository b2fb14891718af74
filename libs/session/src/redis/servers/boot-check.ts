import type { Cluster, Redis } from 'ioredis';
import { SessionConfigurationError } from '../../model/session-error.js';

export type RedisClient = Redis | Cluster;

/** A server that a client talks to, and what `INFO` says of it. */
export interface SeenServer {
  readonly server: Redis;
  readonly info: ReadonlyMap<string, string>;
}

const OLDEST_MAJOR = 7;

/** What Redis answers to a client that is set up wrongly; trying again will not help. */
const SETUP_MISTAKES: readonly (readonly [pattern: RegExp, explanation: string])[] = [
  [
    /^NOAUTH|^WRONGPASS|invalid password|AUTH .*(failed|without any password)/i,
    'was refused: the user name or password is wrong or missing',
  ],
  [/DB index is out of range|invalid DB index/i, 'names a database number that this Redis does not have'],
  [
    /cluster support disabled/i,
    'is a Cluster client, but the server does not run as a Cluster: give a URL or a Redis client',
  ],
  [
    /^NOPERM/,
    'names a Redis user who lacks a permission that Latchkey needs (INFO is one): grant those of docs/redis.md',
  ],
];

/** Waits for a client to be ready. @returns what stood in the way, or `undefined` when it is ready */
export function whenReady(client: RedisClient, patienceMs: number): Promise<Error | undefined> {
  if (client.status === 'ready') return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const settle = (failure: Error | undefined): void => {
      clearTimeout(timer);
      client.off('ready', onReady).off('error', settle);
      resolve(failure);
    };
    const onReady = (): void => settle(undefined);
    const timer = setTimeout(() => settle(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
    client.on('ready', onReady).on('error', settle);
    if (client.status === 'wait') client.connect().catch(settle);
  });
}

/** The configuration error behind a failed connection; `undefined` if it may yet come about by itself. */
export function setupMistake(failure: Error): SessionConfigurationError | undefined {
  const last = (failure as { lastNodeError?: Error }).lastNodeError ?? failure;
  const known = SETUP_MISTAKES.find(([pattern]) => pattern.test(last.message));
  return (
    known && new SessionConfigurationError('redis', `${known[1]} (Redis says: ${firstLine(last.message)})`)
  );
}

/**
 * Looks at the servers behind a client.
 * @returns what they say, and what makes one unfit to keep sessions: it evicts keys, is too old, or is a replica that
 * takes no writes
 */
export async function inspectServers(
  client: RedisClient,
  { isBoot }: { readonly isBoot: boolean },
): Promise<{
  readonly fault: SessionConfigurationError | undefined;
  readonly seen: readonly SeenServer[];
}> {
  const seen = await Promise.all(
    serversOf(client).map(async (server) => ({ server, info: await infoOf(server) })),
  );
  const fault = seen.map(({ info }) => faultOf(info, isBoot)).find((found) => found !== undefined);
  return { fault: fault === undefined ? undefined : new SessionConfigurationError('redis', fault), seen };
}

/** The servers that hold data: one, or the primaries of a Cluster. */
export function serversOf(client: RedisClient): readonly Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}

export async function infoOf(server: Redis): Promise<ReadonlyMap<string, string>> {
  return parseInfo(await server.info());
}

/** What makes a server unfit, by what is looked at; each rule says nothing of a server that will do. */
export const SERVER_RULES: Readonly<
  Record<'version' | 'eviction' | 'role', (info: ReadonlyMap<string, string>) => string | undefined>
> = {
  version: (info) => {
    const version = info.get('redis_version') ?? '';
    return Number.parseInt(version, 10) < OLDEST_MAJOR
      ? `is version ${version}: Redis ${OLDEST_MAJOR}.0 or newer is needed`
      : undefined;
  },
  eviction: (info) => {
    const policy = info.get('maxmemory_policy') ?? 'noeviction';
    return policy === 'noeviction'
      ? undefined
      : `evicts keys (maxmemory-policy ${policy}), blocks among them: set maxmemory-policy to noeviction`;
  },
  role: (info) =>
    info.get('role') === 'slave'
      ? 'is a read-only replica: name its primary, the Sentinels or the Cluster'
      : undefined,
};

/** One line on servers that lose acts in a restart; `undefined` where each keeps an append-only file. */
export function persistenceAdvice(seen: readonly SeenServer[]): string | undefined {
  if (seen.every(({ info }) => info.get('aof_enabled') !== '0')) return undefined;
  return (
    'Redis keeps no append-only file (aof_enabled:0): a restart undoes blocks, role changes and logouts since the last ' +
    'snapshot that no running node and no userDirectory knows of. Set appendonly yes; see docs/redis.md.'
  );
}

function faultOf(info: ReadonlyMap<string, string>, isBoot: boolean): string | undefined {
  const { version, eviction, role } = SERVER_RULES;
  // Later it may be a replica for a moment, in a failover; it refuses our scripts itself then.
  return version(info) ?? eviction(info) ?? (isBoot ? role(info) : undefined);
}

/** What `INFO` says, by its names. */
export function parseInfo(info: string): Map<string, string> {
  return new Map(
    info
      .split('\r\n')
      .map((line) => line.split(':', 2))
      .filter((pair): pair is [string, string] => pair.length === 2),
  );
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 120);
}

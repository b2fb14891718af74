import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { RedisClient } from './boot-check.js';
import { everMoreRarely, onceEvery } from '../../basics/pace.js';

/**
 * Errors after which another connection may do better: a failover has made a replica of the server, or has left it without
 * its replicas, and the Sentinels know of another primary.
 */
const WRONG_SERVER = /^(READONLY|NOREPLICAS|MASTERDOWN)/;
const IMMEDIATELY_EVERY_MS = 250;
/** While a Cluster moves a slot, keys may be on two servers for a moment. ioredis's own 100 ms leave no time to do without. */
const TRY_AGAIN_AFTER_MS = 5;

/**
 * ioredis options under which no request is held up by a Redis that is away and no command is sent twice. The module
 * uses them for a client of its own; give them to one that you hand in (to a `Cluster` as its `redisOptions`, with
 * `enableOfflineQueue: false`, `clusterRetryStrategy` and `retryDelayOnTryAgain: 5` beside them). They set no `commandTimeout`: the library gives
 * every call of its own a deadline; for yours there is `withDeadline`.
 * @param commandTimeoutMs the module's option of that name, in milliseconds; default 180
 * @example
 * ```ts
 * const client = new Redis('redis://127.0.0.1:6379', redisClientOptions());
 * const sessionModule = SessionModule.forRoot({ redis: client });
 * ```
 * @publicApi
 */
export function redisClientOptions(commandTimeoutMs = 180): RedisOptions {
  const [mayRetryAtOnce, mayReconnect] = [onceEvery(IMMEDIATELY_EVERY_MS), everMoreRarely(50, 500)];
  return {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 500,
    // A connection that has owed an answer for so long is given up for a new one.
    ...(isSocketTimeoutQuiet(Redis) ? { socketTimeout: Math.max(400, 2 * commandTimeoutMs) } : {}),
    // The first time at once: as a rule the server is well, and calls wait for it. Not so for one that keeps hanging up.
    retryStrategy: (attempt) => (attempt === 1 && mayRetryAtOnce() ? 0 : Math.min(attempt * 50, 250)),
    sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 250),
    reconnectOnError: (error) => WRONG_SERVER.test(error.message) && mayReconnect(),
    // Of no effect without Sentinels: a connection to a primary that they have replaced is given up at once.
    failoverDetector: true,
  };
}

/** ioredis 5.4.0 prints a line for every reply when it has a `socketTimeout`; 5.4.1 and later do not. */
export function isSocketTimeoutQuiet({ prototype }: { readonly prototype: object }): boolean {
  return !String(Reflect.get(prototype, 'setSocketTimeout')).includes('console.');
}

/** What a client has to be set to, so that no call waits for a Redis that is away, or runs after it was refused. */
const NEEDED = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const satisfies RedisOptions;

/** One line on how a client of the app's is set up; `undefined` when it is as `redisClientOptions()` has it. */
export function adviceOn(client: RedisClient): string | undefined {
  const options = optionsOf(client);
  const wrong = Object.entries(NEEDED).filter(
    ([name, value]) => options[name as keyof typeof NEEDED] !== value,
  );
  if (wrong.length === 0) return undefined;
  const wanted = wrong.map(([name, value]) => `${name}: ${value}`).join(', ');
  return (
    `The Redis client of the app's is without ${wanted}: while Redis is away, calls of the library may wait in it, or run after ` +
    'they were refused. Make it with redisClientOptions() of @latchkey/session.'
  );
}

function optionsOf(client: RedisClient): RedisOptions {
  const { options } = client as { readonly options: RedisOptions | ClusterOptions };
  if (!('nodes' in client)) return options;
  // Of a Cluster, the queue is its own, and so is what it does again.
  const { enableOfflineQueue = true, redisOptions = {} } = options as ClusterOptions;
  return { ...NEEDED, ...redisOptions, enableOfflineQueue };
}

/** What `redis` may be besides a client: where Redis is, and ioredis's options. */
export type RedisPlace = string | RedisOptions | ClusterPlace;

/** Some nodes of a Cluster, and ioredis's options for each node. */
type ClusterPlace = RedisOptions & {
  readonly cluster: readonly { readonly host: string; readonly port: number }[];
};

export function openClient(redis: RedisPlace, commandTimeoutMs: number): RedisClient {
  const options = { ...redisClientOptions(commandTimeoutMs), connectionName: 'latchkey' };
  if (typeof redis === 'string') return new Redis(redis, options);
  if (!('cluster' in redis)) return new Redis({ ...options, ...redis });
  const { cluster, ...ofApp } = redis;
  // In a Cluster these two belong to the whole, not to its nodes.
  const { enableOfflineQueue: _queue, retryStrategy: _retry, ...ofNodes } = options;
  return new Cluster([...cluster], {
    enableOfflineQueue: false,
    clusterRetryStrategy: (attempt) => Math.min(attempt * 50, 250),
    retryDelayOnTryAgain: TRY_AGAIN_AFTER_MS,
    redisOptions: { ...ofNodes, ...ofApp } as object, // for `exactOptionalPropertyTypes`
  });
}

export function isClient(redis: RedisPlace | RedisClient): redis is RedisClient {
  // Not instanceof: the app may have an ioredis of its own.
  return typeof redis === 'object' && 'evalshaBuffer' in redis && typeof redis.evalshaBuffer === 'function';
}

/** Whether ioredis puts something before each key: it does so in its own commands only. */
export function hasPrefix({ options }: RedisClient): boolean {
  return Boolean((options as RedisOptions).keyPrefix);
}

/** A client for listening: in a Cluster of any one of its nodes. It neither connects nor reconnects by itself. */
export function listeningClientOf(client: RedisClient): Redis {
  const nodes = 'nodes' in client ? client.nodes('all') : [client];
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  if (!node) throw new Error('No node of the Cluster is known');
  return duplicateOf(node, 'latchkey-events');
}

/** A client of the same server for calls that hold up what is behind them. It neither connects nor reconnects by itself. */
export function waitingClientOf(server: Redis): Redis {
  return duplicateOf(server, 'latchkey-wait');
}

function duplicateOf(server: Redis, connectionName: string): Redis {
  return server.duplicate({
    lazyConnect: true,
    readOnly: false,
    autoResubscribe: false,
    connectionName,
    disconnectTimeout: 100, // it runs on for one that has ended
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
  });
}

const STATES = ['connecting', 'connect', 'ready', 'close', 'reconnecting'] as const;
const PAUSE_MS = 50;

/**
 * Connects a client anew that ioredis has ended by mistake: its failover detector, told of the new primary while the client
 * asks the Sentinels for it, breaks that off for good. A client that its owner ends stays so.
 * @returns stops it
 */
export function reviveAfterFailover(client: RedisClient): () => void {
  if ('nodes' in client || !client.options.failoverDetector || !client.options.sentinels)
    return () => undefined;
  let last: string = client.status;
  const notes = STATES.map((state) => [state, () => (last = state)] as const);
  const onEnd = (): void => {
    if (last === 'connecting' && !isEndedByOwner(client))
      setTimeout(() => connectAnew(client), PAUSE_MS).unref();
  };
  for (const [state, note] of notes) client.on(state, note);
  client.on('end', onEnd);
  return () => {
    for (const [state, note] of notes) client.off(state, note);
    client.off('end', onEnd);
  };
}

function connectAnew(client: Redis): void {
  if (client.status === 'end') client.connect().catch(() => undefined);
}

function isEndedByOwner(client: Redis): boolean {
  return Reflect.get(client, 'manuallyClosing') === true;
}

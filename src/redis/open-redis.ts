import { Cluster, Redis } from 'ioredis';
import { redisClientOptions } from '@latchkey/session';
import type { Storage } from '../config/app-config.js';

export type RedisClient = Redis | Cluster;

const RETRY_STEP_MS = 50;
const LONGEST_RETRY_MS = 250;

/** The app's one Redis client, set up as the library asks; it connects by itself and keeps trying. */
export function openRedis(storage: Exclude<Storage, { kind: 'memory' }>, timeoutMs: number): RedisClient {
  const client = connect(storage, timeoutMs);
  // Without a listener ioredis prints every failed attempt. Each call reports its own failure.
  client.on('error', () => undefined);
  return client;
}

/** Another client of the same Redis, to listen on one channel: it subscribes anew whenever it has connected. */
export function openListener(client: RedisClient, channel: string): RedisClient {
  const listener =
    'nodes' in client
      ? client.duplicate()
      : client.duplicate({
          connectionName: 'latchkey-sample-listener',
          autoResubscribe: false,
          failoverDetector: false, // it finds the new primary when the old one hangs up
        });
  listener.on('error', () => undefined);
  listener.on('ready', () => void listener.subscribe(channel).catch(() => undefined));
  return listener;
}

function connect(storage: Exclude<Storage, { kind: 'memory' }>, timeoutMs: number): RedisClient {
  const options = { ...redisClientOptions(timeoutMs), connectionName: 'latchkey-sample' };
  if (storage.kind === 'redis') return new Redis(storage.url, options);
  if (storage.kind === 'sentinel') {
    return new Redis({
      ...options,
      ...storage.login,
      sentinels: storage.sentinels.map(({ host, port }) => ({ host, port })),
      name: storage.name,
    });
  }
  // In a Cluster these two belong to the whole, not to its nodes.
  const { enableOfflineQueue: _queue, retryStrategy: _retry, ...nodeOptions } = options;
  return new Cluster(
    storage.nodes.map(({ host, port }) => ({ host, port })),
    {
      enableOfflineQueue: false,
      clusterRetryStrategy: (attempt) => Math.min(attempt * RETRY_STEP_MS, LONGEST_RETRY_MS),
      redisOptions: { ...nodeOptions, ...storage.login },
    },
  );
}

import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisClient } from './boot-check.js';

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

import { createHash } from 'node:crypto';
import { SessionError, withDeadline } from '@latchkey/session';
import type { RedisClient } from './open-redis.js';

/** A Lua script with the hash that Redis knows it by. */
interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

export function redisScript(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/**
 * What the sample's own repositories see of Redis. Every call ends in time, and whatever goes wrong is
 * one error: `session_store_unavailable`.
 */
export class RedisStore {
  constructor(
    private readonly client: RedisClient,
    private readonly timeoutMs: number,
  ) {}

  /** Runs one command. */
  async call<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(command(this.client), this.timeoutMs);
    } catch (cause) {
      throw new SessionError('session_store_unavailable', { cause });
    }
  }

  /** Runs a script by its hash, and once more in full where the server does not know it (again). */
  script(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.call(async (client) => {
      try {
        return await client.evalsha(script.sha1, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return client.eval(script.lua, keys.length, ...keys, ...args);
      }
    });
  }
}

import type { ThrottlerStorage } from '@nestjs/throttler';
import { wrong } from '../basics/inputs.js';
import type { ThrottleScripts } from '../redis/scripts/throttle.js';

type ThrottlerStorageRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** Ten years: what is meant to be for ever is no longer than that. */
const MAX_DURATION_MS = 10 * 365 * 86_400_000;
/** What four bytes hold. */
const MAX_LIMIT = 2 ** 32 - 1;

/** `ThrottlerStorage` by one script in Redis, wherever that is. */
export abstract class ThrottlerHits implements ThrottlerStorage {
  /** @internal */
  protected abstract scripts(): ThrottleScripts | Promise<ThrottleScripts>;

  /**
   * Counts one hit, unless it is over the limit or its client is blocked.
   * @param key whose hits: it is hashed, together with `throttlerName`
   * @param ttl length of the window, in milliseconds
   * @param limit hits in any span of that length
   * @param blockDuration for how long the first hit over the limit blocks, in milliseconds; 0: until there is room again
   * @returns times in whole seconds, rounded up: waiting for so long is always enough. `timeToExpire` is when the oldest
   * hit leaves the window, so that one more is left
   * @throws SessionError `session_store_unavailable` when Redis cannot answer in time: nothing is let in
   * @throws RangeError for a number that is none, TypeError for a text that is none
   */
  // The five parameters are the interface's.
  async increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerStorageRecord> {
    for (const [name, value] of Object.entries({ key, throttlerName })) {
      if (typeof value !== 'string') throw wrong(name, 'a text', value);
    }
    const args = {
      ttlUs: microseconds('ttl', ttl),
      limit: Math.floor(Math.min(notNegative('limit', limit), MAX_LIMIT)),
      blockUs: microseconds('blockDuration', blockDuration),
    };
    const scripts = await this.scripts();
    const [totalHits, resetUs, blocked, waitUs] = await scripts.hit(throttlerName, key, args);
    return {
      totalHits,
      timeToExpire: seconds(resetUs),
      isBlocked: blocked === 1,
      timeToBlockExpire: seconds(waitUs),
    };
  }
}

function microseconds(what: string, ms: number): number {
  return Math.round(Math.min(notNegative(what, ms), MAX_DURATION_MS) * 1_000);
}

/** A negative one is none, as for the throttler's own storage. */
function notNegative(what: string, value: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new RangeError(`${what} must be a number`);
  return Math.max(0, value);
}

function seconds(us: number): number {
  return Math.ceil(us / 1_000_000);
}

import type { Duration } from '../basics/duration.js';
import { toMilliseconds } from '../basics/duration.js';
import { anything, fieldsOf, type Inputs, object } from '../basics/inputs.js';
import type { QuotaPolicy, UserQuota } from '../model/quota.js';
import { NAME_PATTERN } from './roles.js';

const MAX_QUOTA = 1_000_000;
const MAX_WINDOW_MS = 31 * 86_400_000;
/** Eight years: until a used-up burst is all there again. What Redis keeps of it has room for no more than 2^48 µs. */
const MAX_REFILL_MS = 8 * 365 * 86_400_000;

/**
 * A quota, counted by the generic cell rate algorithm (GCRA): `{ name: 'posts', quota: 30, window: '1m' }` allows 30 at
 * once, and one more every two seconds.
 * @publicApi
 */
export interface QuotaOptions {
  /**
   * Name in headers, keys and manifests, 1–64 letters, digits, `. _ : -`. The same name is the same quota wherever it
   * is used.
   */
  readonly name: string;
  /** Requests per window, 1–1,000,000. */
  readonly quota: number;
  /** Length of the window, 1 ms–31 days. */
  readonly window: Duration;
  /**
   * Requests that may come at once, 1–1,000,000, and at most as many as come back in eight years.
   * @defaultValue as many as `quota`
   */
  readonly burst?: number;
}

/** A quota on a route, for `@RateLimit()` and the option `rateLimits`. @publicApi */
export interface RateLimitOptions<
  By = 'user' | 'session' | 'ip' | ((request: never) => string | undefined),
> extends QuotaOptions {
  /**
   * Partition key, which says whose requests are counted together: the user's, the session's, those of the client IP
   * (IPv6: of its /64), or those for which a function returns the same text.
   */
  readonly by: By;
  /**
   * Of a quota by user or session, with the option `nearCache`: how many each node takes from Redis at once, 2 to half the
   * burst, so that its requests can be answered from memory. What a node has taken it may use later, so up to one batch for
   * each node may come beyond the rate. Without a near cache it changes nothing.
   * @defaultValue none: each request asks Redis
   */
  readonly batch?: number;
}

/** Taken by `toQuotaPolicy`. */
const QUOTA: Inputs<QuotaOptions> = { name: anything, quota: anything, window: anything, burst: anything };

/**
 * The quota in milliseconds, with its burst.
 * @throws TypeError, RangeError saying what is wrong
 */
export function toQuotaPolicy(options: QuotaOptions): QuotaPolicy {
  if ('burst' in object(options, 'quota') && options.burst === undefined)
    throw new RangeError('burst is undefined: leave it out for as many as quota');
  const { name, quota, window, burst = quota } = fieldsOf(options, 'quota', QUOTA);
  const windowMs = toMilliseconds(window);
  if (typeof name !== 'string' || !NAME_PATTERN.test(name)) {
    throw new RangeError('name must be 1–64 letters, digits and . _ : -');
  }
  for (const [what, count] of Object.entries({ quota, burst })) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_QUOTA) {
      throw new RangeError(`${what} must be an integer from 1 to ${MAX_QUOTA}`);
    }
  }
  if (windowMs < 1 || windowMs > MAX_WINDOW_MS) throw new RangeError('window must be from 1 ms to 31 days');
  if ((burst * windowMs) / quota > MAX_REFILL_MS) {
    throw new RangeError('burst must refill within eight years: lower it, or shorten window');
  }
  return { name, quota, windowMs, burst };
}

/**
 * @throws RangeError saying what is wrong
 */
export function batchOf(
  { by, batch }: { readonly by: unknown; readonly batch?: unknown },
  { burst }: QuotaPolicy,
): { readonly batch?: number } {
  if (batch === undefined) return {};
  if (by !== 'user' && by !== 'session')
    throw new RangeError("batch is for quotas by 'user' or 'session': the near cache keeps no others");
  if (typeof batch !== 'number' || !Number.isInteger(batch) || batch < 2 || batch > burst / 2)
    throw new RangeError(`batch must be an integer from 2 to half the burst, ${Math.floor(burst / 2)}`);
  return { batch };
}

const fitQuotas = new WeakSet<readonly UserQuota[]>();

/** @throws RangeError saying what is wrong with quotas that come from the app's own code */
export function assertFit(quotas: readonly UserQuota[]): void {
  if (fitQuotas.has(quotas)) return;
  for (const one of quotas) {
    const { name, quota, windowMs, burst, by, batch } = object(one, 'a quota') as UserQuota;
    const policy = toQuotaPolicy({ name, quota, window: windowMs, burst });
    if (by !== 'user' && by !== 'session') throw new RangeError("by must be 'user' or 'session'");
    batchOf({ by, batch }, policy);
  }
  fitQuotas.add(quotas);
}

/** @throws RangeError for a cost that no waiting would ever make allowed */
export function assertCost(cost: number, { name, burst }: QuotaPolicy): void {
  if (cost <= burst) return;
  throw new RangeError(
    `cost is ${cost}, and could never be allowed: quota '${name}' has a burst of ${burst}. Raise its burst, or ask for less`,
  );
}

import { Logger } from '@nestjs/common';
import type { QuotaPolicy } from '../model/quota.js';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';
import { batchOf, type RateLimitOptions, toQuotaPolicy } from './quota-options.js';
import { isRecord, noOthers } from './option-rules.js';

/**
 * The partition key of a request, at once: no promise. Requests with the same key share a quota, and so do all requests
 * with `undefined` or `''`.
 * @publicApi
 */
export type Partition<Request = never> = (request: Request) => string | undefined;

/** A quota on a route, and by what its share is counted. */
export interface QuotaRule {
  readonly policy: QuotaPolicy;
  readonly by: 'user' | 'session' | 'ip' | Partition;
  readonly batch?: number;
}

const NO_PROMISE = 'must return a string or undefined, and not a promise: all requests would share one quota';
/** `async`, and generators: whatever these return is no string. */
const ODD_FUNCTION = /^\[object (Async|Generator)/;

/**
 * @param where the decorator or option, for the error
 * @throws SessionConfigurationError for a quota that cannot be
 */
export function quotaRule(where: string, options: RateLimitOptions<QuotaRule['by']>): QuotaRule {
  if (!isRecord(options))
    throw new SessionConfigurationError(
      where,
      "needs a quota such as { name: 'posts', quota: 30, window: '1m', by: 'user' }, or the name of one",
    );
  noOthers(options, ['name', 'quota', 'window', 'burst', 'by', 'batch'], `${where}.`);
  const { by } = options;
  if (typeof by !== 'function' && !['user', 'session', 'ip'].includes(by)) {
    throw new SessionConfigurationError(
      where,
      "needs by: 'user', 'session', 'ip' or a function of the request",
    );
  }
  if (ODD_FUNCTION.test(Object.prototype.toString.call(by)))
    throw new SessionConfigurationError(
      where,
      `has a function by that is async or a generator: it ${NO_PROMISE}`,
    );
  try {
    const policy = toQuotaPolicy(options);
    return { policy, by, ...batchOf(options, policy) };
  } catch (error) {
    throw new SessionConfigurationError(where, `cannot be used: ${(error as Error).message}`);
  }
}

/**
 * Whose share a request takes, by the app's own function. Throws what that throws.
 * @throws SessionError `forbidden` when it gives no string: the request is counted nowhere, so it may not come
 */
export function shareOf({ name }: QuotaPolicy, by: Partition, request: object): string {
  const share: unknown = (by as Partition<object>)(request);
  if (typeof share === 'string') return share;
  if (share === undefined) return '';
  // A rejection that nobody hears of would end the process.
  Promise.resolve(share).catch(() => undefined);
  complain(name, by);
  const cause = new SessionConfigurationError(`the function by of the quota '${name}'`, NO_PROMISE);
  throw new SessionError('forbidden', { detail: 'The request cannot be counted', cause });
}

const complainedOf = new WeakSet<Partition>();

/** Once: each request would do so again. */
function complain(name: string, by: Partition): void {
  if (complainedOf.has(by)) return;
  complainedOf.add(by);
  new Logger('SessionModule').error(`The function by of the quota '${name}' ${NO_PROMISE}.`);
}

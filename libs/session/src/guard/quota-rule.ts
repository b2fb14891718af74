import type { QuotaPolicy } from '../model/quota.js';
import { SessionConfigurationError } from '../model/session-error.js';
import type { HttpRequest } from '../platform/http.js';
import { type RateLimitOptions, toQuotaPolicy } from '../rate-limit/rate-limit-options.js';

/** Tells requests apart that share a quota; `undefined` puts those together of which nothing is known. */
export type Partition = (request: HttpRequest) => string | undefined;

/** A quota on a route, and by what its share is counted. */
export interface QuotaRule {
  readonly policy: QuotaPolicy;
  readonly by: 'user' | 'session' | 'ip' | Partition;
}

/**
 * @param where the decorator or option, for the error
 * @throws SessionConfigurationError for a quota that cannot be
 */
export function quotaRule(where: string, options: RateLimitOptions<QuotaRule['by']>): QuotaRule {
  const { by } = options;
  if (typeof by !== 'function' && !['user', 'session', 'ip'].includes(by)) {
    throw new SessionConfigurationError(
      where,
      "needs by: 'user', 'session', 'ip' or a function of the request",
    );
  }
  try {
    return { policy: toQuotaPolicy(options), by };
  } catch (error) {
    throw new SessionConfigurationError(where, `cannot be used: ${(error as Error).message}`);
  }
}

import type { QuotaResult } from '../../model/quota.js';

/**
 * The header fields of draft-ietf-httpapi-ratelimit-headers-11: what the quotas are, and what is left of each. One
 * place, because the draft may still change its syntax.
 * @example
 * ```ts
 * const result = await limiter.consume(logins, address);
 * for (const [name, value] of Object.entries(quotaHeaders([result]))) reply.setHeader(name, value);
 * ```
 * @publicApi
 */
export function quotaHeaders(quotas: readonly QuotaResult[]): {
  readonly 'RateLimit-Policy': string;
  readonly RateLimit: string;
} {
  let [policies, limits, separator] = ['', '', ''];
  for (const { name, quota, windowMs, remaining, resetMs, retryAfterMs } of quotas) {
    policies += `${separator}"${name}";q=${quota};w=${seconds(windowMs)}`;
    // With nothing left, when there is something again; else when everything is.
    limits += `${separator}"${name}";r=${remaining};t=${seconds(remaining > 0 ? resetMs : retryAfterMs)}`;
    separator = ', ';
  }
  return { 'RateLimit-Policy': policies, RateLimit: limits };
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}

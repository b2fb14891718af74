import type { QuotaResult } from '../model/quota.js';

/**
 * The header fields of draft-ietf-httpapi-ratelimit-headers-11: what the quotas are, and what is left of each. One
 * place, because the draft may still change its syntax.
 */
export function quotaHeaders(quotas: readonly QuotaResult[]): Record<string, string> {
  return {
    'RateLimit-Policy': quotas
      .map(({ name, quota, windowMs }) => `"${name}";q=${quota};w=${seconds(windowMs)}`)
      .join(', '),
    RateLimit: quotas
      .map(({ name, remaining, retryAfterMs, resetMs }) => {
        // With nothing left, when there is something again; else when everything is.
        return `"${name}";r=${remaining};t=${seconds(remaining > 0 ? resetMs : retryAfterMs)}`;
      })
      .join(', '),
  };
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}

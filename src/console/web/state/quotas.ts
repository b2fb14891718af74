import type { Quota } from './store.js';

const POLICY = /"([^"]+)";q=(\d+);w=(\d+)/g;
const LIMIT = /"([^"]+)";r=(\d+);t=(\d+)/g;

/** The quotas of a reply, from `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers). */
export function readQuotas(headers: Headers, now: number): Quota[] {
  const policies = [...(headers.get('RateLimit-Policy') ?? '').matchAll(POLICY)];
  const limits = new Map(
    [...(headers.get('RateLimit') ?? '').matchAll(LIMIT)].map(([, name, r, t]) => [name, [r, t]]),
  );
  return policies.map(([, name = '', quota, window]) => {
    const [remaining = quota, reset = '0'] = limits.get(name) ?? [];
    return {
      name,
      quota: Number(quota),
      windowSeconds: Number(window),
      remaining: Number(remaining),
      resetAt: now + Number(reset) * 1_000,
    };
  });
}

/** What is left now: quotas fill up evenly until `resetAt`. */
export function remainingAt({ quota, windowSeconds, remaining, resetAt }: Quota, now: number): number {
  const back = Math.max(0, (resetAt - now) / 1_000) * (quota / windowSeconds);
  return Math.min(quota, Math.max(remaining, Math.floor(quota - back)));
}

import { type QuotaOptions, type QuotaResult, type RateLimiter, SessionError } from '@latchkey/session';

const HOUR_MS = 3_600_000;
/** The largest quota that there can be. */
export const MOST = 1_000_000;

/** A quota whose window is in milliseconds. */
export type Quota = QuotaOptions & { readonly window: number };

export function perHour(name: string, quota: number): Quota {
  return { name, quota: Math.min(quota, MOST), window: HOUR_MS };
}

/** A quota, and whose share of it is meant. */
interface Share {
  readonly quota: Quota;
  readonly partitionKey: string;
}

/** Quotas as they stand where nobody's share was looked at. */
export function untouched(quotas: readonly Quota[]): readonly QuotaResult[] {
  return quotas.map(({ name, quota, window }) => ({
    name,
    quota,
    windowMs: window,
    burst: quota,
    allowed: true,
    remaining: quota,
    retryAfterMs: 0,
    resetMs: 0,
  }));
}

/**
 * Takes one of every share, or none.
 * @throws SessionError `rate_limited`; it names all the quotas, also those behind the one that refused
 */
export async function takeAll(
  limiter: RateLimiter,
  shares: readonly Share[],
): Promise<readonly QuotaResult[]> {
  try {
    return await limiter.consumeAll(shares);
  } catch (error) {
    if (!(error instanceof SessionError && error.code === 'rate_limited')) throw error;
    const seen = new Map(error.quotas?.map((result) => [result.name, result]));
    const quotas = untouched(shares.map(({ quota }) => quota)).map((full) => seen.get(full.name) ?? full);
    throw new SessionError('rate_limited', { quotas });
  }
}

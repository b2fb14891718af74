import type { QuotaResult, UserQuota } from '../../model/quota.js';
import { emissionIntervalUs } from '../../rules/gcra.js';
import type { TokenProof } from '../contract/session-repository.js';

/** What is left of a batch that was taken from Redis. */
interface Batch {
  left: number;
  /** As Redis had it when the batch was taken. */
  readonly result: QuotaResult;
  /** By performance.now(). */
  readonly takenAt: number;
}

/** After a batch was refused, requests are counted one by one for so long: one more call for each would help nobody. */
const REFUSED_FOR_MS = 1_000;

const byBatch = new WeakMap<readonly UserQuota[], readonly UserQuota[]>();

/** Quotas in whose count each batch is one. A handler's quotas are the same object in every request, and so are these. */
export function quotasByBatch(quotas: readonly UserQuota[]): readonly UserQuota[] {
  const known = byBatch.get(quotas);
  if (known) return known;
  const scaled = quotas.map(({ name, by, batch = 1, ...policy }): UserQuota => {
    const windowMs = (batch * emissionIntervalUs({ name, ...policy })) / 1_000;
    return { name, by, quota: 1, windowMs, burst: Math.floor(policy.burst / batch) };
  });
  byBatch.set(quotas, scaled);
  return scaled;
}

/**
 * What this process has taken from the quotas of users and not used yet. It is counted in Redis already, so requests that use
 * it are within the quota; those that use it late come on top of what came back meanwhile.
 */
export class QuotaBatches {
  private readonly batches = new Map<string, Batch>();
  private readonly refusedUntil = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** Takes one of each, or none. @returns what became of each; `undefined` where some is used up */
  take(proof: TokenProof, quotas: readonly UserQuota[]): readonly QuotaResult[] | undefined {
    const batches: Batch[] = [];
    for (const quota of quotas) {
      const batch = this.batches.get(nameOf(proof, quota));
      if (!batch || batch.left < 1) return undefined;
      batches.push(batch);
    }
    const now = performance.now();
    return batches.map((batch) => {
      batch.left -= 1;
      const { result, left, takenAt } = batch;
      const resetMs = Math.max(0, Math.ceil(result.resetMs - (now - takenAt)));
      return { ...result, remaining: result.remaining + left, resetMs };
    });
  }

  /** Whether a batch of each is worth asking for. */
  isWorthAsking(proof: TokenProof, quotas: readonly UserQuota[]): boolean {
    const now = performance.now();
    return quotas.every((quota) => (this.refusedUntil.get(nameOf(proof, quota)) ?? 0) <= now);
  }

  /**
   * Takes down a batch of each, as Redis counted it by `quotasByBatch`, and takes the first of each.
   * @returns what became of each; `undefined` where Redis refused
   */
  put(
    proof: TokenProof,
    quotas: readonly UserQuota[],
    results: readonly QuotaResult[],
  ): readonly QuotaResult[] | undefined {
    const takenAt = performance.now();
    if (results.some(({ allowed }) => !allowed)) {
      for (const quota of quotas)
        keep(this.refusedUntil, nameOf(proof, quota), takenAt + REFUSED_FOR_MS, this.most);
      return undefined;
    }
    for (const [i, { name, quota, windowMs, burst, batch = 1, by }] of quotas.entries()) {
      const { remaining = 0, retryAfterMs = 0, resetMs = 0 } = results[i] ?? {};
      const key = nameOf(proof, { name, by });
      const result = {
        name,
        quota,
        windowMs,
        burst,
        allowed: true,
        remaining: remaining * batch,
        retryAfterMs,
        resetMs,
      };
      const left = batch + (this.batches.get(key)?.left ?? 0);
      keep(this.batches, key, { left, result, takenAt }, this.most);
    }
    return this.take(proof, quotas);
  }

  clear(): void {
    this.batches.clear();
    this.refusedUntil.clear();
  }
}

function nameOf({ userRef, sessionId }: TokenProof, { name, by }: Pick<UserQuota, 'name' | 'by'>): string {
  return by === 'user' ? `${userRef}:${name}` : `${userRef}:${name}:${sessionId}`;
}

/** Where there are too many, the one that was put first goes. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}

import type { QuotaPolicy, QuotaResult } from '../model/quota.js';

/** How far apart requests come at the quota's rate. Rounded up: never more than the rate. */
export function emissionIntervalUs({ quota, windowMs }: QuotaPolicy): number {
  return Math.ceil((windowMs * 1_000) / quota);
}

/**
 * The generic cell rate algorithm on one number, the theoretical arrival time (TAT) in microseconds. Pure.
 * `redis/lua/include/gcra.lua` says the same in Lua: a change here is a change there.
 */
export class Gcra {
  private readonly intervalUs: number;
  private readonly capacityUs: number;
  tatUs: number;

  constructor(
    private readonly policy: QuotaPolicy,
    storedTatUs: number,
    private readonly nowUs: number,
  ) {
    this.intervalUs = emissionIntervalUs(policy);
    this.capacityUs = this.intervalUs * policy.burst;
    // One further ahead than the whole burst was written before the clock stepped back.
    this.tatUs = Math.min(Math.max(storedTatUs, nowUs), nowUs + this.capacityUs);
  }

  /** After how long so many more are allowed; 0: now. */
  waitUs(cost: number): number {
    return Math.max(0, this.tatUs + cost * this.intervalUs - this.capacityUs - this.nowUs);
  }

  /** A negative cost gives back. */
  consume(cost: number): void {
    this.tatUs = Math.max(this.nowUs, this.tatUs + cost * this.intervalUs);
  }

  /** @param cost for how many the wait is told */
  result(allowed: boolean, cost = 1): QuotaResult {
    const { name, quota, windowMs, burst } = this.policy;
    const usedUs = this.tatUs - this.nowUs;
    return {
      name,
      quota,
      windowMs,
      burst,
      allowed,
      remaining: Math.max(0, Math.floor((this.capacityUs - usedUs) / this.intervalUs)),
      retryAfterMs: Math.ceil(this.waitUs(cost) / 1_000),
      resetMs: Math.ceil(usedUs / 1_000),
    };
  }
}

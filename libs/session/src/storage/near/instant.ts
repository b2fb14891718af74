/**
 * A moment by both clocks of this process. The monotonic one stands still while the machine is suspended, and the wall clock may
 * be set: what must not last too long is measured by the one that says more.
 */
export interface Instant {
  /** By performance.now(). */
  readonly monotonic: number;
  /** By Date.now(). */
  readonly wall: number;
}

export const LONG_AGO: Instant = { monotonic: -Infinity, wall: -Infinity };

export function instant(): Instant {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** How long ago a moment was, at the least true by one of the clocks, in milliseconds. */
export function elapsedMs(since: Instant, now: Instant): number {
  return Math.max(now.monotonic - since.monotonic, now.wall - since.wall);
}

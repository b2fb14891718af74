import type { Clock } from '../basics/clock.js';
import type { Duration } from '../basics/duration.js';
import { toMilliseconds } from '../basics/duration.js';

/**
 * A clock that stands still until it is told to go on: for the in-memory repository in tests.
 * @example
 * ```ts
 * const clock = new FakeClock();
 * const sessionModule = SessionTestingModule.forRoot({ clock, lifetime: 'aal2' });
 * clock.advance('61m'); // every session has timed out
 * ```
 * @publicApi
 */
export class FakeClock implements Clock {
  /** @param nowMs where it starts, in milliseconds since 1970 UTC. Default noon of 1 January 2026. */
  constructor(private nowMs: number = Date.UTC(2026, 0, 1, 12)) {}

  now(): number {
    return this.nowMs;
  }

  /**
   * Lets time pass.
   * @throws RangeError when it is no duration; time never goes back
   */
  advance(duration: Duration): void {
    this.nowMs += toMilliseconds(duration);
  }
}

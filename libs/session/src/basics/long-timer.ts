/** What setTimeout can take; beyond, it fires at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A timer for any length of time, which keeps no process alive. */
export class LongTimer {
  private timer: NodeJS.Timeout | undefined;

  /** Starts anew: what was set before is forgotten. */
  set(ms: number, fire: () => void): void {
    this.clear();
    const step = Math.min(ms, LONGEST_TIMEOUT_MS);
    this.timer = setTimeout(() => (ms > step ? this.set(ms - step, fire) : fire()), step).unref();
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}

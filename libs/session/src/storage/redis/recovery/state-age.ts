import { LongTimer } from '../../../basics/long-timer.js';

/** Below it a number is an age, from here on an instant, in milliseconds: as lua/include/user-record.lua has it. */
const INSTANTS = 2 ** 40;
/** This clock and Redis's may go a little apart. */
const CLOCK_DRIFT = 1.01;

/**
 * How old a user's record may be before it has to be loaded again, as the scripts take it: empty where the record is the
 * truth; a number of milliseconds; or, as long as that would let in a record from before Redis was another server, the
 * instant since when it has been this one.
 */
export class StateAge {
  private value: number | '';
  private readonly timer = new LongTimer();
  private readonly listeners: ((argument: number | '') => void)[] = [];

  constructor(private readonly maxAgeMs: number | undefined) {
    this.value = maxAgeMs === undefined ? '' : Math.min(maxAgeMs, INSTANTS - 1);
  }

  get argument(): number | '' {
    return this.value;
  }

  /** Whether another database knows the users. */
  get isTimed(): boolean {
    return this.maxAgeMs !== undefined;
  }

  /** @param listener is told of another argument */
  onChange(listener: (argument: number | '') => void): void {
    this.listeners.push(listener);
  }

  /** Nothing loaded before `since` is believed, both by Redis's clock. @returns whether that changes anything */
  distrustBefore(since: number, now: number): boolean {
    if (this.maxAgeMs === undefined) return false;
    const trustedForMs = Math.max(0, now - since);
    if (trustedForMs >= this.maxAgeMs) return false;
    this.set(since);
    const { maxAgeMs } = this;
    if (maxAgeMs < INSTANTS)
      this.timer.set((maxAgeMs - trustedForMs) * CLOCK_DRIFT, () => this.set(maxAgeMs));
    else this.timer.clear();
    return true;
  }

  close(): void {
    this.timer.clear();
  }

  private set(argument: number): void {
    this.value = argument;
    for (const listener of this.listeners) listener(argument);
  }
}

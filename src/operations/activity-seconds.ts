/** How much of the past is kept: five minutes, second by second. */
export const KEPT_SECONDS = 300;
export const SECOND_MS = 1_000;
/** What other nodes' clocks say of a minute ahead and one behind has room, too. */
const MOST_SECONDS = 2 * KEPT_SECONDS;

/** What is counted for a request or message that was let through; a denial is counted by its reason. */
export const PERMIT = 'permit';

/** What was decided within one second. */
export interface ActivitySecond {
  /** When it began, in milliseconds. */
  readonly at: number;
  readonly permitted: number;
  /** By reason. */
  readonly denied: Readonly<Record<string, number>>;
}

/** How often something was decided within the second that began then. */
export type Count = readonly [at: number, decision: string, times: number];

/** How often each thing was decided, second by second. Counts hold no user. */
export class ActivitySeconds {
  private readonly seconds = new Map<number, Map<string, number>>();

  /**
   * @param at in milliseconds
   * @param decision a denial's reason, or `PERMIT`
   */
  add(at: number, decision: string, times = 1): void {
    const second = at - (at % SECOND_MS);
    const counts = this.seconds.get(second) ?? new Map<string, number>();
    counts.set(decision, (counts.get(decision) ?? 0) + times);
    this.seconds.set(second, counts);
    if (this.seconds.size > MOST_SECONDS) this.seconds.delete(farthestFrom(second, this.seconds.keys()));
  }

  /** Everything that was counted, in no order. */
  *counts(): Iterable<Count> {
    for (const [at, counts] of this.seconds)
      for (const [decision, times] of counts) yield [at, decision, times];
  }

  /** The seconds of the last five minutes in which anything happened, the oldest first. */
  recent(now: number): readonly ActivitySecond[] {
    return [...this.seconds]
      .filter(([at]) => at > now - KEPT_SECONDS * SECOND_MS)
      .sort(([a], [b]) => a - b)
      .map(([at, counts]) => {
        const { [PERMIT]: permitted = 0, ...denied } = Object.fromEntries(counts);
        return { at, permitted, denied };
      });
  }
}

/** Not the oldest: after a clock was set back, those that it left ahead must not push out what is counted now. */
function farthestFrom(second: number, seconds: Iterable<number>): number {
  let farthest = second;
  for (const one of seconds) if (Math.abs(one - second) > Math.abs(farthest - second)) farthest = one;
  return farthest;
}

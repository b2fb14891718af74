/** What must be settled in time. */
export interface TimedCall {
  readonly isSettled: boolean;
  /** By performance.now(); set when it is watched. */
  dueAt: number;
  /** The one that was watched after it. */
  next: TimedCall | undefined;
  reject(error: Error): void;
}

/**
 * One deadline for many calls, with one timer among them: all have the same term, so they fall due in the order in which
 * they were sent.
 *
 * A timer that is due fires before answers that have arrived meanwhile are read, so after a stall of this process's own
 * event loop it looks once more.
 */
export class CallTimeouts {
  private oldest: TimedCall | undefined;
  private newest: TimedCall | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param onMissed is told of each call that had no answer in time */
  constructor(
    private readonly termMs: number,
    private readonly onMissed?: () => void,
  ) {}

  /** Whether nothing that is watched waits for its answer. */
  get isIdle(): boolean {
    return this.oldest === undefined;
  }

  watch(call: TimedCall): void {
    call.dueAt = performance.now() + this.termMs;
    if (this.newest) this.newest.next = call;
    else this.oldest = call;
    this.newest = call;
    this.timer ??= setTimeout(this.onDue, this.termMs).unref();
  }

  /** A call that must be settled at another time than the term after now. */
  watchUntil(dueAt: number, call: Pick<TimedCall, 'reject' | 'dueAt'>): void {
    call.dueAt = dueAt;
    setTimeout(() => setImmediate(() => this.reject(call)), Math.max(0, dueAt - performance.now())).unref();
  }

  /** Lets go of the oldest calls as soon as they are settled: kept for a whole term, they would be dear to collect. */
  release(): void {
    let call = this.oldest;
    while (call?.isSettled) {
      const { next } = call;
      call.next = undefined;
      call = next;
    }
    this.oldest = call;
    if (!call) this.newest = undefined;
  }

  private readonly onDue = (): void => {
    setImmediate(() => {
      const now = performance.now();
      this.release();
      while (this.oldest && this.oldest.dueAt <= now) {
        this.reject(this.oldest);
        this.release();
      }
      this.timer = this.oldest && setTimeout(this.onDue, Math.max(1, this.oldest.dueAt - now)).unref();
    });
  };

  private reject(call: Pick<TimedCall, 'reject' | 'dueAt'>): void {
    call.dueAt = -Infinity; // timers may come a little early
    this.onMissed?.();
    call.reject(new Error(`Redis gave no answer within ${this.termMs} ms`));
  }
}

/** What must be settled in time. */
export interface TimedCall {
  readonly isSettled: boolean;
  /** By performance.now(); set when it is watched. */
  dueAt: number;
  reject(error: Error): void;
}

/**
 * One deadline for many calls, with one timer among them: all have the same term, so they fall due in the order in which
 * they were sent.
 *
 * A timer that is due fires before answers that have arrived meanwhile are read, so after a stall of this process's own
 * event loop it looks once more.
 */
export class Deadlines {
  private waiting: TimedCall[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly termMs: number) {}

  watch(call: TimedCall): void {
    call.dueAt = performance.now() + this.termMs;
    this.waiting.push(call);
    this.timer ??= setTimeout(this.onDue, this.termMs).unref();
  }

  private readonly onDue = (): void => {
    setImmediate(() => {
      const now = performance.now();
      this.waiting = this.waiting.filter((call) => !call.isSettled);
      for (const call of this.waiting) {
        if (call.dueAt > now) break;
        call.reject(new Error(`Redis gave no answer within ${this.termMs} ms`));
      }
      const next = this.waiting.find((call) => !call.isSettled);
      this.timer = next && setTimeout(this.onDue, Math.max(1, next.dueAt - now)).unref();
    });
  };
}

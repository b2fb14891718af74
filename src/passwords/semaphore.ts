/** Lets a few tasks run at a time and a bounded number wait, first come, first served. */
export class Semaphore {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limits: { readonly concurrency: number; readonly queue: number }) {}

  /**
   * Runs the task when it is its turn.
   * @param onFull makes the error that is thrown when too many are waiting already
   */
  async run<T>(task: () => Promise<T>, onFull: () => Error): Promise<T> {
    if (this.running < this.limits.concurrency) this.running++;
    else if (this.waiting.length >= this.limits.queue) throw onFull();
    else await new Promise<void>((resolve) => this.waiting.push(resolve)); // whoever ends hands its place over
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

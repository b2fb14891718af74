const HOLD_BACK_AT = 64;

/** What the queue can hold back. */
interface Source {
  pause(): void;
  resume(): void;
}

/** For a source that may go on although it is held back. */
interface Bound {
  readonly maxWaiting: number;
  readonly onOverflow: () => void;
}

/** Takes messages one after the other, and holds the client back while too many are waiting. */
export class MessageQueue<Message> {
  private waiting: Message[] = [];
  private isBusy = false;
  private isHeldBack = false;

  /** @param handle never rejects */
  constructor(
    private readonly source: Source,
    private readonly handle: (message: Message) => Promise<void>,
    private readonly bound?: Bound,
  ) {}

  take(message: Message): void {
    this.waiting.push(message);
    if (this.bound && this.waiting.length > this.bound.maxWaiting) {
      this.waiting = [];
      this.bound.onOverflow();
      return;
    }
    if (this.waiting.length >= HOLD_BACK_AT && !this.isHeldBack) {
      this.isHeldBack = true;
      this.source.pause();
    }
    if (!this.isBusy) void this.work();
  }

  private async work(): Promise<void> {
    this.isBusy = true;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      await this.handle(next);
      if (this.isHeldBack && this.waiting.length === 0) {
        this.isHeldBack = false;
        this.source.resume();
      }
    }
    this.isBusy = false;
  }
}

/** Something to be sent on a live connection, for `LiveConnection.deliver()`. @publicApi */
export interface Delivery {
  readonly deliver: () => void;
  /** About how much memory it takes until then. */
  readonly bytes: number;
  /** Called instead when it is never sent. */
  readonly discard?: (() => void) | undefined;
}

/** What a connection is to send once it is certain that it may: in order, and no more than fits. */
export class HeldBack {
  private waiting: Delivery[] = [];
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** @returns whether it fitted */
  add(delivery: Delivery): boolean {
    this.bytes += delivery.bytes + OVERHEAD_BYTES;
    this.waiting.push(delivery);
    return this.bytes <= this.maxBytes;
  }

  release(): void {
    for (const { deliver } of this.empty()) deliver();
  }

  drop(): void {
    for (const { discard } of this.empty()) discard?.();
  }

  private empty(): readonly Delivery[] {
    const { waiting } = this;
    this.waiting = [];
    this.bytes = 0;
    return waiting;
  }
}

/** Of each delivery, so that many small ones count, too. */
const OVERHEAD_BYTES = 128;

import type { NearCacheSettings } from './near-cache.js';

/** No lease lasts longer, in milliseconds: the option `nearCache` sees to it. */
export const LONGEST_LEASE_MS = 10_000;
/** How long what was read of it is believed. Whoever begins to keep answers says so, then waits for longer than that. */
const BELIEVED_MS = 1_000;
const FIRST_WAIT_MS = 1_200;
const ANNOUNCED_FOR_MS = 60_000;
/** A Redis that was flushed does not know for so long: a process that acts for the first time then does not wait. */
const ANNOUNCE_EVERY_MS = 2_000;
/** A process whose word has not been renewed for so long keeps nothing new: it may be forgotten. */
const RENEWED_WITHIN_MS = 40_000;

interface TermCalls {
  /** @returns the longest that is announced now */
  announce(leaseMs: number, forMs: number): Promise<number>;
}

/**
 * How long leases may last that anybody holds. Processes that keep answers announce it in Redis, so that those which only act
 * wait as well, such as a worker, or a node from before the near cache was switched on.
 */
export class LeaseTerm {
  private longestMs: number;
  private readAt = -Infinity;
  private announcedAt = -Infinity;
  private mayLeaseFrom = Infinity;
  private reading: Promise<boolean> | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param own absent: this process keeps nothing */
  constructor(
    private readonly calls: TermCalls,
    private readonly own: NearCacheSettings | undefined,
  ) {
    this.longestMs = own?.leaseMs ?? 0;
  }

  /** Whether this process may ask for leases: everybody who acts knows, or will before acting. */
  get mayLease(): boolean {
    const now = performance.now();
    return now >= this.mayLeaseFrom && now - this.announcedAt < RENEWED_WITHIN_MS;
  }

  /** Begins to announce what this process keeps, if it does. */
  async start(): Promise<void> {
    if (!this.own || this.own.maxEntries === 0) return;
    await this.announce();
    this.timer = setInterval(() => void this.announce(), ANNOUNCE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The longest lease that there may be now, in milliseconds; 0: there is none. Never rejects. */
  async current(): Promise<number> {
    const wasAsking = this.reading !== undefined;
    const isAnswered = this.isBelieved || (await this.ask());
    // What an earlier call asked may be too old by now.
    if (wasAsking && isAnswered && !this.isBelieved) await this.ask();
    return this.longestMs;
  }

  private get isBelieved(): boolean {
    return performance.now() - this.readAt < BELIEVED_MS;
  }

  private ask(): Promise<boolean> {
    return (this.reading ??= this.read(0).finally(() => (this.reading = undefined)));
  }

  private async announce(): Promise<void> {
    if (!(await this.read(this.own?.leaseMs ?? 0))) return;
    this.announcedAt = performance.now();
    if (this.mayLeaseFrom === Infinity)
      this.mayLeaseFrom = this.announcedAt + (this.own?.firstWaitMs ?? FIRST_WAIT_MS);
  }

  /** @returns whether Redis has answered */
  private async read(leaseMs: number): Promise<boolean> {
    const askedAt = performance.now();
    const longestMs = await this.calls.announce(leaseMs, ANNOUNCED_FOR_MS).catch(() => undefined);
    if (longestMs === undefined) return false;
    this.readAt = askedAt;
    // What was known once stays: a Redis that has lost the word says 0 while leases are in force.
    this.longestMs = Math.min(LONGEST_LEASE_MS, Math.max(this.longestMs, longestMs));
    return true;
  }
}

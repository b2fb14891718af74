import { setTimeout as sleep } from 'node:timers/promises';
import { elapsedMs, instant, type Instant, LONG_AGO } from './instant.js';
import type { NearCacheSettings } from './near-cache.js';

/** No lease lasts longer, in milliseconds: the option `nearCache` sees to it. */
export const LONGEST_LEASE_MS = 10_000;
/** How long what was read of it is believed. Whoever begins to keep answers says so, then waits for longer than that. */
const BELIEVED_MS = 1_000;
const FIRST_WAIT_MS = 1_200;
const ANNOUNCED_FOR_MS = 60_000;
/** A Redis that lost it does not know for so long: a process that starts and acts just then does not wait. */
const ANNOUNCE_EVERY_MS = 2_000;
/** A process whose word has not been renewed for so long keeps nothing new: it may be forgotten. */
const RENEWED_WITHIN_MS = 40_000;
const ASK_AGAIN_MS = 25;

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
  private readAt: Instant = LONG_AGO;
  private announcedAt: Instant = LONG_AGO;
  private mayLeaseFrom = Infinity;
  private reading: Promise<boolean> | undefined;
  private isStopped = false;
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
    const now = instant();
    return now.monotonic >= this.mayLeaseFrom && elapsedMs(this.announcedAt, now) < RENEWED_WITHIN_MS;
  }

  /** Begins to announce what this process keeps, if it does. */
  async start(): Promise<void> {
    if (!this.own || this.own.maxEntries === 0) return;
    await this.announce();
    this.timer = setInterval(() => void this.announce(), ANNOUNCE_EVERY_MS).unref();
  }

  stop(): void {
    this.isStopped = true;
    clearInterval(this.timer);
  }

  /** The longest lease that there is, as far as is known, in milliseconds; 0: none. Never rejects. */
  async current(): Promise<number> {
    await this.look();
    return this.longestMs;
  }

  /** The longest lease that there may be now. Waits, if need be until none from before can be left. Never rejects. */
  async certain(): Promise<number> {
    const until = performance.now() + LONGEST_LEASE_MS;
    while (!(await this.look()) && this.longestMs === 0 && !this.isStopped && performance.now() < until)
      await sleep(ASK_AGAIN_MS);
    return this.longestMs;
  }

  /** @returns whether what is known is as new as it has to be */
  private async look(): Promise<boolean> {
    if (this.isBelieved) return true;
    const wasAsking = this.reading !== undefined;
    const isAnswered = await this.ask();
    // What an earlier call asked may be too old by now.
    return wasAsking && isAnswered && !this.isBelieved ? this.ask() : isAnswered;
  }

  private get isBelieved(): boolean {
    return elapsedMs(this.readAt, instant()) < BELIEVED_MS;
  }

  private ask(): Promise<boolean> {
    return (this.reading ??= this.read(0).finally(() => (this.reading = undefined)));
  }

  private async announce(): Promise<void> {
    if (!(await this.read(this.own?.leaseMs ?? 0))) return;
    this.announcedAt = instant();
    if (this.mayLeaseFrom === Infinity)
      this.mayLeaseFrom = this.announcedAt.monotonic + (this.own?.firstWaitMs ?? FIRST_WAIT_MS);
  }

  /** @returns whether Redis has answered */
  private async read(leaseMs: number): Promise<boolean> {
    const askedAt = instant();
    const longestMs = await this.calls.announce(leaseMs, ANNOUNCED_FOR_MS).catch(() => undefined);
    if (longestMs === undefined) return false;
    this.readAt = askedAt;
    // What was known once stays: a Redis that has lost the word says 0 while leases are in force.
    this.longestMs = Math.min(LONGEST_LEASE_MS, Math.max(this.longestMs, longestMs));
    return true;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { NearCache } from './near-cache.js';
import { LeaseServers, Recall, type RecallAnswer } from './recall.js';

/** The scripts about leases. */
export interface LeaseCalls {
  recall(userRef: string): Promise<RecallAnswer>;
  giveBack(userRef: string, holder: string, fill: number): Promise<void>;
}

/** Of the form of a user's reference. */
const NOBODY = 'nobody'.padEnd(22, '-');
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 25;

/** What a near cache says about its leases, and what it asks of others. */
export class LeaseClient {
  private readonly servers: LeaseServers;

  constructor(
    private readonly holder: string,
    private readonly termMs: number,
    private readonly cache: NearCache,
    private readonly calls: LeaseCalls,
  ) {
    this.servers = new LeaseServers(termMs);
  }

  /**
   * Looks at the server for the first time, for nobody's sake: an act before that, and up to a term after it, waits for the
   * whole term.
   */
  async meetServer(): Promise<void> {
    const askedAt = performance.now();
    const answer = await this.calls.recall(NOBODY).catch(() => undefined);
    if (answer) this.servers.doubtedUntil(answer, { askedAt, answeredAt: performance.now() });
  }

  /** Somebody has acted on a user: what is kept of them here is good no more. */
  giveBack(userRef: string): void {
    const through = this.cache.invalidate(userRef);
    // Where it does not arrive, whoever acts waits until the lease has run out.
    void this.calls.giveBack(userRef, this.holder, through).catch(() => undefined);
  }

  /** As `recallAll`, where nobody relies on it: what others have found out about a user. */
  announce(userRef: string): void {
    this.cache.invalidate(userRef);
    void this.calls.recall(userRef).catch(() => undefined);
  }

  /**
   * After an act on a user was written: resolves when no near cache answers from before. Never rejects, because the act holds
   * already; takes at most a term.
   */
  async recallAll(userRef: string): Promise<void> {
    const actedAt = performance.now();
    this.cache.invalidate(userRef);
    const recall = new Recall({ termMs: this.termMs, own: this.holder }, this.servers, actedAt);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const askedAt = performance.now();
      const answer = await this.calls.recall(userRef).catch(() => undefined);
      const leftMs = recall.observe(answer, { askedAt, answeredAt: performance.now() });
      if (leftMs <= 0) return;
      await sleep(recall.isAwaiting ? Math.min(pauseMs, leftMs) : leftMs);
    }
  }
}

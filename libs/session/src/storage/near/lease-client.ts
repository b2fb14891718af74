import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaseTerm } from './lease-term.js';
import type { NearCache } from './near-cache.js';
import { LeaseServers, Recall, type RecallAnswer } from './recall.js';

/** The scripts about leases. A subject is a userRef, or `list:` and the name of a list. */
export interface LeaseCalls {
  recall(subject: string): Promise<RecallAnswer>;
  giveBack(subject: string, holder: string, fill: number): Promise<void>;
}

/** Of the form of a user's reference. */
const NOBODY = 'nobody'.padEnd(22, '-');
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 25;

/** What a near cache says about its leases, and what it asks of others. */
export class LeaseClient {
  private servers: { readonly termMs: number; readonly known: LeaseServers } | undefined;

  constructor(
    private readonly holder: string,
    private readonly term: Pick<LeaseTerm, 'current' | 'certain'>,
    private readonly cache: Pick<NearCache, 'invalidate'>,
    private readonly calls: LeaseCalls,
  ) {}

  /**
   * Looks at the server for the first time, for nobody's sake: an act before that, and up to a term after it, waits for the
   * whole term. Never rejects.
   */
  async meetServer(): Promise<void> {
    const termMs = await this.term.current();
    if (termMs === 0) return;
    const servers = this.serversFor(termMs);
    const askedAt = performance.now();
    const answer = await this.calls.recall(NOBODY).catch(() => undefined);
    if (answer) servers.doubtedUntil(answer, { askedAt, answeredAt: performance.now() });
  }

  /** Somebody has acted: what is kept here is good no more. */
  giveBack(subject: string): void {
    const through = this.cache.invalidate(subject);
    // Where it does not arrive, whoever acts waits until the lease has run out.
    void this.calls.giveBack(subject, this.holder, through).catch(() => undefined);
  }

  /** As `recallAll`, where nobody relies on it: what others have found out. */
  announce(subject: string): void {
    this.cache.invalidate(subject);
    void this.term
      .current()
      .then((termMs) => (termMs > 0 ? this.calls.recall(subject) : undefined))
      .catch(() => undefined);
  }

  /**
   * Performs an act, then waits as `recallAll` does.
   * @param subjectOf whom a result concerns; `undefined`: nothing has changed
   */
  async act<T>(perform: () => Promise<T>, subjectOf: (result: T) => string | undefined): Promise<T> {
    void this.term.current(); // beside the act: asked after it, it would cost a round trip of its own
    const result = await perform();
    const subject = subjectOf(result);
    if (subject !== undefined) await this.recallAll(subject);
    return result;
  }

  /**
   * After an act was written: resolves when no near cache answers from before. Never rejects, because the act holds
   * already. Takes at most a term, and where nobody can say how long that is, at most the longest one before it.
   */
  async recallAll(subject: string): Promise<void> {
    const actedAt = performance.now();
    this.cache.invalidate(subject);
    const termMs = await this.term.certain();
    if (termMs === 0) return;
    const recall = new Recall({ termMs, own: this.holder }, this.serversFor(termMs), actedAt);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const askedAt = performance.now();
      const answer = await this.calls.recall(subject).catch(() => undefined);
      const leftMs = recall.observe(answer, { askedAt, answeredAt: performance.now() });
      if (leftMs <= 0) return;
      await sleep(recall.isAwaiting ? Math.min(pauseMs, leftMs) : leftMs);
    }
  }

  private serversFor(termMs: number): LeaseServers {
    if (this.servers?.termMs !== termMs) this.servers = { termMs, known: new LeaseServers(termMs) };
    return this.servers.known;
  }
}

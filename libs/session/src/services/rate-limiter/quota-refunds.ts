import type {
  QuotaReceipt,
  QuotaRequest,
  SessionRepository,
} from '../../storage/contract/session-repository.js';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** So many refunds may wait; more are dropped, and their shares come back with time. */
const MOST_WAITING = 10_000;
/** So many go out at once. */
const BATCH = 64;
/** A call that nobody heard of again may yet take place: its refund looks for it so many times. */
const LOOKS = 3;

/** What to take of one quota. */
export type QuotaShare = Pick<QuotaRequest, 'policy' | 'cost'> & {
  readonly partition: Extract<QuotaRequest['partition'], { readonly key: string }>;
};

/** What was taken, and how to give it back. */
export type TakenShare = QuotaShare & { readonly receipt: QuotaReceipt };

interface Refund {
  readonly share: TakenShare;
  readonly until: number;
  dueAt: number;
  pauseMs: number;
  /** How often it may still find nothing. */
  looksLeft: number;
}

/** Gives shares back by their receipts, and goes on trying while Redis is away: a receipt is good once, so nothing is given twice. */
export class QuotaRefunds {
  private waiting: Refund[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(private readonly repository: Pick<SessionRepository, 'quota'>) {}

  /** Tries once; if that fails, goes on in the background. Never rejects. */
  async now(share: TakenShare): Promise<void> {
    await this.attempt(refundOf(share, 1));
  }

  /** @param isSure whether the share was taken for certain */
  later(share: TakenShare, { isSure }: { readonly isSure: boolean }): void {
    this.wait(refundOf(share, isSure ? 1 : LOOKS));
  }

  /** Ends what goes on in the background; shares that wait come back with time. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
    clearTimeout(this.timer);
  }

  private async attempt(refund: Refund): Promise<void> {
    try {
      const { policy, partition, cost, receipt } = refund.share;
      const request: QuotaRequest = { operation: 'refund', policy, partition, cost, receipt };
      const { allowed: wasFound } = await this.repository.quota(request);
      if (wasFound || --refund.looksLeft === 0) return;
    } catch {
      // Redis is away: it is asked again.
    }
    this.wait(refund);
  }

  private wait(refund: Refund): void {
    const now = performance.now();
    refund.dueAt = now + refund.pauseMs;
    refund.pauseMs = Math.min(2 * refund.pauseMs, LONGEST_RETRY_MS);
    if (this.isClosed || refund.dueAt >= refund.until || this.waiting.length >= MOST_WAITING) return;
    this.waiting.push(refund);
    this.timer ??= setTimeout(this.onDue, FIRST_RETRY_MS).unref();
  }

  private readonly onDue = (): void => {
    const now = performance.now();
    const due = this.waiting.filter(({ dueAt }) => dueAt <= now).slice(0, BATCH);
    const going = new Set(due);
    this.waiting = this.waiting.filter((refund) => !going.has(refund));
    this.timer = undefined;
    void Promise.all(due.map((refund) => this.attempt(refund))).then(() => {
      if (this.waiting.length > 0) this.timer ??= setTimeout(this.onDue, FIRST_RETRY_MS).unref();
    });
  };
}

function refundOf(share: TakenShare, looks: number): Refund {
  const until = performance.now() + share.receipt.termMs;
  return { share, until, dueAt: 0, pauseMs: FIRST_RETRY_MS, looksLeft: looks };
}

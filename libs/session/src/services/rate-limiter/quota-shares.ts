import { randomBytes } from 'node:crypto';
import type { QuotaResult } from '../../model/quota.js';
import { mayHaveRun } from '../../model/session-error.js';
import type { Realm } from '../../telemetry/realm.js';
import { tellRefusals } from '../../telemetry/tell.js';
import { QuotaRefunds, type QuotaShare, type TakenShare } from './quota-refunds.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';

export interface Taking {
  /** Of every share up to the first that was refused. */
  readonly results: readonly QuotaResult[];
  /** Nothing when one was refused. */
  readonly taken: readonly TakenShare[];
}

/**
 * Takes shares of quotas so that none gets lost: what was taken in vain comes back, also when a call times out and nobody
 * knows whether it took place.
 */
export class QuotaShares {
  private readonly refunds: QuotaRefunds;

  /** @param termMs for how long a share can be given back */
  constructor(
    private readonly repository: Pick<SessionRepository, 'quota'>,
    private readonly termMs: number,
    private readonly realm: Realm,
  ) {
    this.refunds = new QuotaRefunds(repository);
  }

  /** Takes one share, or gives back what a call that failed may have taken. */
  async take(share: QuotaShare): Promise<{ readonly result: QuotaResult; readonly taken: TakenShare }> {
    const taken = { ...share, receipt: { name: randomBytes(6).toString('base64url'), termMs: this.termMs } };
    try {
      const result = await this.repository.quota({ operation: 'consume', ...taken });
      if (!result.allowed) tellRefusals(this.realm, [result]);
      return { result, taken };
    } catch (error) {
      if (mayHaveRun(error)) this.refunds.later(taken, { isSure: false });
      throw error;
    }
  }

  /**
   * Takes one share after the other, all or none, and stops at the first that is refused: nothing beyond it is touched, and
   * what was taken before is given back. So the narrowest share comes first, that of the fewest clients.
   */
  async takeInTurn(shares: readonly QuotaShare[]): Promise<Taking> {
    const [results, taken]: [QuotaResult[], TakenShare[]] = [[], []];
    try {
      for (const share of shares) {
        const one = await this.take(share);
        results.push(one.result);
        if (!one.result.allowed) break;
        taken.push(one.taken);
      }
    } catch (error) {
      for (const share of taken) this.refunds.later(share, { isSure: true });
      throw error;
    }
    if (taken.length === shares.length) return { results, taken };
    await this.giveBack(taken);
    return { results, taken: [] };
  }

  /** Takes all shares at once, for callers that have no time for one after the other. */
  async takeAtOnce(shares: readonly QuotaShare[]): Promise<Taking> {
    const ends = await Promise.allSettled(shares.map((share) => this.take(share)));
    const made = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const taken = made.filter(({ result }) => result.allowed).map((one) => one.taken);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) {
      for (const share of taken) this.refunds.later(share, { isSure: true });
      throw failed.reason;
    }
    const results = made.map(({ result }) => result);
    if (taken.length === shares.length) return { results, taken };
    await this.giveBack(taken);
    return { results, taken: [] };
  }

  /** Gives back at once, or in the background if that fails. Never rejects. */
  async giveBack(taken: readonly TakenShare[]): Promise<void> {
    await Promise.all(taken.map((share) => this.refunds.now(share)));
  }

  /** What was not given back by now comes back with time. */
  close(): void {
    this.refunds.close();
  }
}

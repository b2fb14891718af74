import { Inject, Injectable, Optional } from '@nestjs/common';
import { fields, type Input, listOf, text } from '../../basics/inputs.js';
import type { QuotaPolicy, QuotaResult } from '../../model/quota.js';
import { SessionError } from '../../model/session-error.js';
import { QuotaShares } from './quota-shares.js';
import type { QuotaShare, TakenShare } from './quota-refunds.js';
import { assertCost, type QuotaOptions, toQuotaPolicy } from '../../rules/quota-options.js';
import type { Storage } from '../../storage/open-storage.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS, STORAGE } from '../../options/injection-keys.js';
import type { SessionSettings } from '../../options/settings.js';
import { NO_REALM } from '../../telemetry/realm.js';

/** One share of a quota, for `consumeAll`. @publicApi */
export interface RateLimitShare {
  readonly quota: QuotaOptions;
  /** Whose share it is: anything that tells clients apart; it is hashed. */
  readonly partitionKey: string;
}

/** For how long a share can be given back by its receipt; later, without. */
const RECEIPT_TERM_MS = 300_000;

/** Each quota is checked as it is used. */
const quotaOptions: Input<QuotaOptions> = (value) => {
  toQuotaPolicy(value as QuotaOptions);
  return value as QuotaOptions;
};
const listOfShares = listOf(fields<RateLimitShare>({ quota: quotaOptions, partitionKey: text }));

/**
 * Quotas wherever the app needs them besides routes: for attempts at a password, mails to one address, costly jobs.
 * GCRA on Redis's clock: never more than `burst + rate * t`, from however many nodes. Every method rejects with
 * `SessionError` `session_store_unavailable` when Redis cannot answer in time, so what it guards stays closed.
 * @example
 * ```ts
 * const mails = { name: 'mails', quota: 5, window: '1h' } as const;
 * const { allowed, retryAfterMs } = await limiter.consume(mails, address);
 * if (!allowed) console.log(`again in ${retryAfterMs} ms`);
 * ```
 * @publicApi
 */
@Injectable()
export class RateLimiter {
  private readonly policies = new WeakMap<QuotaOptions, QuotaPolicy>();
  private readonly shares: QuotaShares;
  /** What `consumeAll` took for a list of shares that was not given back yet. */
  private readonly taken = new WeakMap<
    object,
    { readonly at: number; readonly shares: readonly TakenShare[] }
  >();

  /** @internal */
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    @Optional() @Inject(STORAGE) private readonly storage?: Pick<Storage, 'throttle'>,
    @Optional() @Inject(SESSION_SETTINGS) settings?: Pick<SessionSettings, 'realm'>,
  ) {
    this.shares = new QuotaShares(repository, RECEIPT_TERM_MS, settings?.realm ?? NO_REALM);
  }

  /** @internal */
  onApplicationShutdown(): void {
    this.shares.close();
  }

  /**
   * Counts one (or `cost`) against the share of a partition key, if there is room for it. A call that rejects costs
   * nothing: what it may have taken is given back in the background.
   * @param partitionKey whose share it is: anything that tells clients apart; it is hashed
   * @throws RangeError for a `cost` above the quota's burst, which could never be allowed
   */
  async consume(quota: QuotaOptions, partitionKey: string, cost = 1): Promise<QuotaResult> {
    const share = this.shareOf(quota, partitionKey, cost);
    assertCost(cost, share.policy);
    return (await this.shares.take(share)).result;
  }

  /**
   * As `consume`, of several quotas, all or none. Shares are taken one after the other in the given order, and none
   * beyond the first that is refused. Give the narrowest first (per account and client IP, then per client IP, then per
   * account): then an attacker whose own share is used up takes nothing, not even for a moment, of a share that others
   * have part in. It takes a round trip for each share.
   * @throws SessionError `rate_limited` when there is no room in one of them; its `quotas` end with the one that refused
   */
  async consumeAll(shares: readonly RateLimitShare[]): Promise<readonly QuotaResult[]> {
    const wanted = listOfShares(shares, 'shares').map(({ quota, partitionKey }) =>
      this.shareOf(quota, partitionKey, 1),
    );
    const { results, taken } = await this.shares.takeInTurn(wanted);
    if (taken.length < wanted.length) throw new SessionError('rate_limited', { quotas: results });
    this.taken.set(shares, { at: performance.now(), shares: taken });
    return results;
  }

  /**
   * Gives back what `consumeAll` took, as after an attempt that turned out right. Called with the very list that
   * `consumeAll` was called with, it gives back once, never rejects, and goes on in the background while Redis is away.
   */
  async refundAll(shares: readonly RateLimitShare[]): Promise<void> {
    listOfShares(shares, 'shares');
    const taken = this.taken.get(shares);
    this.taken.delete(shares);
    if (taken && performance.now() - taken.at < RECEIPT_TERM_MS / 2)
      return this.shares.giveBack(taken.shares);
    await Promise.all(shares.map(({ quota, partitionKey }) => this.refund(quota, partitionKey)));
  }

  /** How a share stands, consuming nothing. */
  async peek(quota: QuotaOptions, partitionKey: string): Promise<QuotaResult> {
    return this.apply('peek', this.shareOf(quota, partitionKey, 1));
  }

  /** Makes a share whole again. */
  async reset(quota: QuotaOptions, partitionKey: string): Promise<QuotaResult> {
    return this.apply('reset', this.shareOf(quota, partitionKey, 1));
  }

  /** Gives one (or `cost`) back; never more than there was room for. */
  async refund(quota: QuotaOptions, partitionKey: string, cost = 1): Promise<QuotaResult> {
    return this.apply('refund', this.shareOf(quota, partitionKey, cost));
  }

  /** Counts for the throttler where the quotas are; `undefined` in memory. @internal */
  get throttle(): Storage['throttle'] {
    return this.storage?.throttle;
  }

  private async apply(operation: 'peek' | 'refund' | 'reset', share: QuotaShare): Promise<QuotaResult> {
    return this.repository.quota({ operation, ...share });
  }

  private shareOf(quota: QuotaOptions, partitionKey: string, cost: number): QuotaShare {
    if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError('cost must be a positive integer');
    const key = `app:${text(partitionKey, 'partitionKey')}`;
    return { policy: this.policyOf(quota), partition: { key }, cost };
  }

  private policyOf(quota: QuotaOptions): QuotaPolicy {
    let policy = this.policies.get(quota);
    if (!policy) this.policies.set(quota, (policy = toQuotaPolicy(quota)));
    return policy;
  }
}

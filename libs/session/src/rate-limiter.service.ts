import { Inject, Injectable } from '@nestjs/common';
import { fields, type Input, listOf, text } from './model/inputs.js';
import type { QuotaPolicy, QuotaResult } from './model/quota.js';
import { SessionError } from './model/session-error.js';
import { type QuotaOptions, toQuotaPolicy } from './rate-limit/rate-limit-options.js';
import { redisPlaceOf, type RedisPlace } from './repository/redis-session-repository.js';
import type { QuotaRequest, SessionRepository } from './repository/session-repository.js';
import { SESSION_REPOSITORY } from './session.injection-keys.js';

/** Each quota is checked as it is used. */
const quotaOptions: Input<QuotaOptions> = (value) => {
  toQuotaPolicy(value as QuotaOptions);
  return value as QuotaOptions;
};
const listOfShares = listOf(
  fields<{ readonly quota: QuotaOptions; readonly partitionKey: string }>({
    quota: quotaOptions,
    partitionKey: text,
  }),
);

/**
 * Quotas wherever the app needs them besides routes: for attempts at a password, mails to one address, costly jobs.
 * GCRA on Redis's clock: never more than `burst + rate * t`, from however many nodes. Every method rejects with
 * `SessionError` `session_store_unavailable` when Redis cannot answer in time, so what it guards stays closed.
 * @publicApi
 */
@Injectable()
export class RateLimiter {
  private readonly policies = new WeakMap<QuotaOptions, QuotaPolicy>();

  constructor(@Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository) {}

  /**
   * Counts one (or `cost`) against the share of a partition key, if there is room for it.
   * @param partitionKey whose share it is: anything that tells clients apart; it is hashed
   */
  consume(quota: QuotaOptions, partitionKey: string, cost = 1): Promise<QuotaResult> {
    return this.apply('consume', quota, { partitionKey, cost });
  }

  /**
   * As `consume`, of several quotas at once, all or none.
   * @throws SessionError `rate_limited` when there is no room in one of them
   */
  async consumeAll(
    shares: readonly { readonly quota: QuotaOptions; readonly partitionKey: string }[],
  ): Promise<readonly QuotaResult[]> {
    listOfShares(shares, 'shares');
    const results = await Promise.all(
      shares.map(({ quota, partitionKey }) => this.consume(quota, partitionKey)),
    );
    if (results.every(({ allowed }) => allowed)) return results;
    await this.refundAll(shares.filter((_, i) => results[i]?.allowed));
    throw new SessionError('rate_limited', { quotas: results });
  }

  /** Gives back what `consumeAll` took, as after an attempt that turned out right. */
  async refundAll(
    shares: readonly { readonly quota: QuotaOptions; readonly partitionKey: string }[],
  ): Promise<void> {
    listOfShares(shares, 'shares');
    await Promise.all(shares.map(({ quota, partitionKey }) => this.refund(quota, partitionKey)));
  }

  /** How a share stands, consuming nothing. */
  peek(quota: QuotaOptions, partitionKey: string): Promise<QuotaResult> {
    return this.apply('peek', quota, { partitionKey, cost: 1 });
  }

  /** Makes a share whole again. */
  reset(quota: QuotaOptions, partitionKey: string): Promise<QuotaResult> {
    return this.apply('reset', quota, { partitionKey, cost: 1 });
  }

  /** Gives one (or `cost`) back. */
  refund(quota: QuotaOptions, partitionKey: string, cost = 1): Promise<QuotaResult> {
    return this.apply('refund', quota, { partitionKey, cost });
  }

  /** Where the quotas are, for what is counted beside them; `undefined` in memory. @internal */
  get redisPlace(): RedisPlace | undefined {
    return redisPlaceOf(this.repository);
  }

  private async apply(
    operation: QuotaRequest['operation'],
    quota: QuotaOptions,
    { partitionKey, cost }: { readonly partitionKey: string; readonly cost: number },
  ): Promise<QuotaResult> {
    if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError('cost must be a positive integer');
    const partition = { key: `app:${text(partitionKey, 'partitionKey')}` };
    return this.repository.quota({ operation, policy: this.policyOf(quota), partition, cost });
  }

  private policyOf(quota: QuotaOptions): QuotaPolicy {
    let policy = this.policies.get(quota);
    if (!policy) this.policies.set(quota, (policy = toQuotaPolicy(quota)));
    return policy;
  }
}

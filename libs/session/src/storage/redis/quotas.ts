import type { QuotaResult } from '../../model/quota.js';
import type { RedisKeys } from '../../redis/records/keys.js';
import type { SessionScripts } from '../../redis/scripts/sessions.js';
import { emissionIntervalUs } from '../../rules/gcra.js';
import { userRefOf } from '../../token/session-token.js';
import type { QuotaRequest } from '../contract/session-repository.js';
import { quotaField } from './arguments.js';
import { toQuotaResult } from './replies.js';

/** Quotas outside a check: in a key of their own, or in the hash of their user. */
export class RedisQuotas {
  constructor(
    private readonly scripts: SessionScripts,
    private readonly keys: RedisKeys,
  ) {}

  async apply({ operation, policy, partition, cost, receipt }: QuotaRequest): Promise<QuotaResult> {
    const args = { emissionUs: emissionIntervalUs(policy), burst: policy.burst, cost };
    if ('key' in partition) {
      const key = this.keys.ofQuota(policy.name, partition.key);
      const named = { ...args, receipt: receipt?.name ?? '', receiptMs: receipt?.termMs ?? '' };
      const reply =
        operation === 'consume'
          ? await this.scripts.quota(key, named)
          : await this.scripts.quotaBack(key, { ...named, operation });
      return toQuotaResult(policy, reply);
    }
    const { userId, sessionId } = partition;
    const userRef = userRefOf(userId);
    const ofUser = { ...args, field: quotaField(policy.name, sessionId) };
    const reply =
      operation === 'consume'
        ? await this.scripts.userQuota(userRef, ofUser)
        : await this.scripts.userQuotaBack(userRef, { ...ofUser, operation });
    return toQuotaResult(policy, reply);
  }
}

import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { onceEvery } from '../../basics/pace.js';
import type { QuotaResult } from '../../model/quota.js';
import { MemoryQuotas } from '../../storage/memory/quotas.js';
import type { Realm } from '../../telemetry/realm.js';
import { tellRefusals } from '../../telemetry/tell.js';
import type { QuotaShare } from './quota-refunds.js';

const MOST_SHARES = 100_000;
/** The name of a quota and an IPv6 /64 are shorter. */
const LONGEST_KEY = 120;
const WARN_EVERY_MS = 60_000;

/**
 * Counts in this process while storage is away, by the same rule and on a clock that never steps. Counts are not carried
 * over when storage is back, and not forgotten either: a storage that comes and goes gives no fresh share each time.
 */
export class LocalQuotas {
  private readonly logger = new Logger('SessionModule');
  private readonly quotas: MemoryQuotas;
  private readonly isWarningDue = onceEvery(WARN_EVERY_MS);

  /** @param most so many shares are kept: the least recently used is forgotten first, and so is whole again */
  constructor(
    private readonly realm: Realm,
    most = MOST_SHARES,
  ) {
    this.quotas = new MemoryQuotas(most);
  }

  /** Of all shares or of none. */
  take(shares: readonly QuotaShare[]): readonly QuotaResult[] {
    if (this.isWarningDue())
      this.logger.warn(
        "Storage is away: this process counts requests by itself where @OnStoreFailure('local-quota') says so.",
      );
    const wanted = shares.map(({ policy, partition }) => ({
      policy,
      key: shorten(`${policy.name}:${partition.key}`),
    }));
    const results = this.quotas.consumeAll(wanted, Math.floor(performance.now()));
    tellRefusals(this.realm, results);
    return results;
  }
}

function shorten(key: string): string {
  return key.length <= LONGEST_KEY ? key : createHash('sha256').update(key).digest('base64url');
}

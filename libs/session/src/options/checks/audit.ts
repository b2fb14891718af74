import { fail, integer, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { AuditSettings } from '../../storage/contract/audit-repository.js';
import type { SessionModuleOptions } from '../options.js';
import { milliseconds } from './lifetimes.js';

/** Longer than any act takes. */
const ABANDONED_AFTER_MS = 60_000;
const LEAST_AUDIT_RETENTION_MS = 3_600_000;
const MOST_AUDIT_ACTS = 10_000_000;

/** @throws SessionConfigurationError */
export function checkAudit(audit: NonNullable<SessionModuleOptions['audit']>): AuditSettings {
  if (!isRecord(audit)) mustBe('audit', 'an object', audit);
  noOthers(audit, ['retention', 'maxActs', 'maxRoutine', 'maxDenials'], 'audit.');
  const retentionMs = milliseconds('audit.retention', audit.retention ?? '90d');
  if (retentionMs < LEAST_AUDIT_RETENTION_MS || !Number.isSafeInteger(2 * retentionMs)) {
    fail('audit.retention', `must be at least 1h, not ${audit.retention}`);
  }
  const maxDenials = integer('audit.maxDenials', audit.maxDenials ?? 10_000, { least: 100, most: 1_000_000 });
  const [maxActs, maxRoutine] = [
    integer('audit.maxActs', audit.maxActs ?? 100_000, { least: 1_000, most: MOST_AUDIT_ACTS }),
    integer('audit.maxRoutine', audit.maxRoutine ?? 100_000, { least: 100, most: MOST_AUDIT_ACTS }),
  ];
  return { retentionMs, maxActs, maxRoutine, maxDenials, abandonedAfterMs: ABANDONED_AFTER_MS };
}

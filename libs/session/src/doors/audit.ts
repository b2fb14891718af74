/**
 * Types of what `AuditLog` takes and gives.
 * @module @latchkey/session/audit
 */
export type { AuditLogQuery, OpenAct } from '../services/audit/audit-log.js';
export type {
  AuditAct,
  AuditDetails,
  AuditEntry,
  AuditLoss,
  AuditOutcome,
  AuditPage,
  NewAuditEntry,
} from '../model/audit-entry.js';

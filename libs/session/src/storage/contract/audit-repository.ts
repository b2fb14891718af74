import type {
  AuditAct,
  AuditDetails,
  AuditOutcome,
  AuditPage,
  NewAuditEntry,
} from '../../model/audit-entry.js';

/** What an audit repository needs to know of the options. */
export interface AuditSettings {
  /** How long entries are kept, in milliseconds. */
  readonly retentionMs: number;
  /** How many acts are kept that are not routine. */
  readonly maxActs: number;
  /** How many routine acts are kept. */
  readonly maxRoutine: number;
  /** How many entries of denials and failures are kept. */
  readonly maxDenials: number;
  /** After how many milliseconds an act that was begun and not settled counts as abandoned. */
  readonly abandonedAfterMs: number;
}

/** What became of an act that was begun. */
export interface AuditSettlement {
  readonly outcome: AuditOutcome;
  /** In the place of those that the act began with. */
  readonly details: AuditDetails;
  /** Where it was not known at the beginning. */
  readonly actorId?: string | undefined;
}

export interface AuditQuery {
  readonly limit: number;
  /** Only entries older than the one of this id. */
  readonly before?: string;
  /** Only entries of this actor or target. */
  readonly userId?: string;
}

/** With `userId`: how many entries one call looks at. */
export const AUDIT_SCAN = 1_000;

/**
 * Where the audit log lives. Every method is one atomic operation. Entries are in three streams with one order: what
 * was done (`ok`, `unknown`), routine acts, and what was denied or failed. Each stream has a bound of its own, which drops its
 * oldest entries; a page says that it did.
 *
 * No act can lose its entry: it is written ahead. `begin` comes before the act and `settle` after it. Whatever is begun
 * and not settled within `abandonedAfterMs` becomes an entry with the outcome `unknown`; each call of `append`, `settle`
 * and `read` sees to that first, so that nobody can read a log from which such an entry is missing.
 *
 * Rejections are `SessionError`s with code `session_store_unavailable`.
 */
export interface AuditRepository {
  /** @returns the entry's id */
  append(entry: NewAuditEntry): Promise<string>;
  /** @returns a name for `settle` */
  begin(act: AuditAct): Promise<string>;
  /** Settling what is settled or abandoned already changes nothing: it may be repeated. */
  settle(pendingId: string, settlement: AuditSettlement): Promise<void>;
  /** Newest first: the order is that in which entries were written. */
  read(query: AuditQuery): Promise<AuditPage>;
}

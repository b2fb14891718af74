/**
 * What became of an audited act. `unknown`: it was begun and nobody saw its end, because the process died, or Redis gave
 * no answer: it may have happened.
 * @publicApi
 */
export type AuditOutcome = 'ok' | 'denied' | 'failed' | 'unknown';

/** What an outcome decides. */
export interface OutcomeRules {
  /** It is kept among the acts, or the routine ones; the rest anybody can cause, and it is capped apart. */
  readonly isAct: boolean;
}

/** Every outcome with all that follows from it. Redis has `isAct` in lua/include/audit.lua. */
export const AUDIT_OUTCOMES: Readonly<Record<AuditOutcome, OutcomeRules>> = {
  ok: { isAct: true },
  denied: { isAct: false },
  failed: { isAct: false },
  unknown: { isAct: true },
};

export function isAuditOutcome(value: unknown): value is AuditOutcome {
  return typeof value === 'string' && Object.hasOwn(AUDIT_OUTCOMES, value);
}

/** Few small facts about an act, for people to read. Never a secret. @publicApi */
export type AuditDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** An act as it is announced, before anybody knows what becomes of it. @publicApi */
export interface AuditAct {
  /** What is done, such as `user.block`: 1–64 lower-case letters, digits and `. _ -`. */
  readonly action: string;
  /** Who does it: a user id; absent when that is not known. */
  readonly actorId?: string | undefined;
  /** To whom: a user id. */
  readonly targetId?: string | undefined;
  /** The client IP, as `SessionTransport.clientIp` gives it. */
  readonly ip?: string | undefined;
  readonly details?: AuditDetails;
  /**
   * Everyday act that any account can cause, such as a login. It is kept apart, up to `audit.maxRoutine`, so that no flood of
   * logins pushes out a block. Default `false`.
   */
  readonly isRoutine?: boolean | undefined;
}

/** Something that happened, for the log. @publicApi */
export interface NewAuditEntry extends AuditAct {
  readonly outcome: AuditOutcome;
}

/** One entry of the audit log. @publicApi */
export interface AuditEntry extends NewAuditEntry {
  /** Grows from entry to entry, whichever node wrote it. */
  readonly id: string;
  /** When it happened, by the repository's clock, in milliseconds since 1970 UTC; with `unknown`, when it was begun. */
  readonly at: number;
  readonly details: AuditDetails;
}

/**
 * What the bounds on numbers have cost within the retention: entries of this kind from before this instant, in milliseconds
 * since 1970 UTC, may be missing.
 * @publicApi
 */
export interface AuditLoss {
  /** By `audit.maxActs`. */
  readonly acts?: number;
  /** By `audit.maxRoutine`. */
  readonly routine?: number;
  /** By `audit.maxDenials`. */
  readonly denials?: number;
}

/** One page of the log, newest first. @publicApi */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** The `before` of the next page; absent when this is the last. With `userId`, a page may be short and yet not the last. */
  readonly next?: string;
  /** Present once older entries were dropped because there were too many. */
  readonly droppedBefore?: AuditLoss;
}

import type { AccessRequirements } from '../model/decision.js';

/** Less than an act waits for a node that does not confirm it: an older answer may be from before the act. */
const MAX_ANSWER_AGE_MS = 200;

/** What had been heard when storage was asked, and when that was, by performance.now(). */
interface Asked {
  readonly changes: number;
  readonly at: number;
}

/** What a connection was opened with, and for whom. */
export interface Handshake {
  readonly token: string;
  readonly userRef: string;
  readonly sessionId: string;
  readonly requirements: AccessRequirements;
  readonly clientIp: string | undefined;
}

/** What a connection is checked for. */
export type CheckCause = 'handshake' | 'message' | 'recheck';

/** When a connection was last found to be permitted, and what has spoken against that since. */
export class Verification {
  /** Counts what may have changed the answer: one that was asked for before is worth nothing. */
  private changes = 0;
  /** How many there were when the connection was last verified, and when something last said that it may have to end. */
  private verifiedChanges = 0;
  private suspectChanges = 0;
  private lastVerifiedAt = performance.now();
  private firstFailureAt: number | undefined;

  /** By performance.now(). */
  get verifiedAt(): number {
    return this.lastVerifiedAt;
  }

  /** Since when checks have failed, by performance.now(); absent: the last one had an answer. */
  get failingSince(): number | undefined {
    return this.firstFailureAt;
  }

  /** Whether the connection may have to end, by what was heard since it was last verified. */
  get isSuspect(): boolean {
    return this.verifiedChanges < this.suspectChanges;
  }

  /**
   * From here on, whatever was asked before does not count.
   * @param isSuspect whether the connection may have to end: then nothing is sent until that is known
   */
  outdateAnswers(isSuspect = true): void {
    this.changes += 1;
    if (isSuspect) this.suspectChanges = this.changes;
  }

  ask(): Asked {
    return { changes: this.changes, at: performance.now() };
  }

  isOutdated({ changes, at }: Asked): boolean {
    return changes !== this.changes || performance.now() - at > MAX_ANSWER_AGE_MS;
  }

  succeed({ changes, at }: Asked): void {
    this.lastVerifiedAt = at;
    this.firstFailureAt = undefined;
    this.verifiedChanges = changes;
  }

  /** Storage gave no answer. */
  fail(): void {
    this.firstFailureAt ??= performance.now();
  }
}

import type { OneTimeTokenProof } from '../../token/one-time-token.js';

/** A one-time token to be kept. */
export interface NewOneTimeToken extends OneTimeTokenProof {
  /** A user id, or anything else that one can be about; `userRef` is made of it. */
  readonly subject: string;
  readonly purpose: string;
  readonly ttlMs: number;
  /** Handed back as it is. */
  readonly data: string;
  /** Every older one of this purpose and subject is void. */
  readonly replaceOlder: boolean;
  /** Only if the subject's user record is there and at this epoch. */
  readonly ifEpoch?: number;
}

export type IssueOutcome =
  { readonly outcome: 'issued'; readonly expiresAt: number } | { readonly outcome: 'epoch_changed' };

export interface ConsumedRecord {
  readonly subject: string;
  readonly data: string;
  /** The epoch of the subject's user record, after a `revokeAll`; absent when there is no record. */
  readonly epoch?: number;
}

/** How many of one purpose a subject may have; the oldest goes. */
export const MAX_PER_PURPOSE = 5;
/** How many a subject may have of all purposes together; the oldest goes. */
export const MAX_PER_SUBJECT = 50;

/**
 * Where one-time tokens live. Every method is one atomic operation on the slot of the subject's user record, whose epoch
 * a token is bound to (while a Cluster moves that slot, one on each key); erasing that user erases them. Two implementations pass one contract suite
 * (`testing/contract/one-time-tokens.ts`).
 *
 * Rejections are `SessionError`s with code `session_store_unavailable`.
 */
export interface OneTimeTokenRepository {
  /**
   * Keeps a token, bound to the epoch of the subject's user record, or to there being none. Forgets those that have
   * expired, and the oldest of those that are too many.
   */
  issue(token: NewOneTimeToken): Promise<IssueOutcome>;
  /**
   * Takes a token out, once. With `revokeAll`, ends every session of the subject in the same step, by a new epoch.
   * @returns `undefined` for one that is unknown, used, expired or of another epoch; unless the hash was right, nothing
   * has changed
   */
  consume(
    proof: OneTimeTokenProof,
    options: { readonly revokeAll: boolean },
  ): Promise<ConsumedRecord | undefined>;
  /** Voids all of a purpose. @returns how many could still have been used */
  revoke(subject: string, purpose: string): Promise<number>;
}

import { randomInt } from 'node:crypto';
import type { Session } from '../../model/session.js';
import type { StoredData } from '../../model/session-data.js';
import type { UserState } from '../../model/user-state.js';

/** How long a load may take that was announced: after it, what was loaded is not stored. */
export const LOAD_TERM_MS = 30_000;

/** Epochs fit 5 bytes, with room above for as many as a user can use up. */
const FIRST_EPOCH = { min: 2 ** 32, max: 2 ** 39 } as const;

/** The epoch of a new record: at random, so that one which was lost and made again matches no old session. */
export function newEpoch(): number {
  return randomInt(FIRST_EPOCH.min, FIRST_EPOCH.max);
}

/** A change of a user's record. What is absent stays as it is. */
export interface UserChange {
  readonly userId: string;
  readonly roles?: readonly string[];
  /** `null` lifts the block, and so does one from the app's database whose end has passed. A block starts a new epoch. */
  readonly block?: { readonly reason: string; readonly until?: number; readonly by?: string } | null;
  /** The only ranges that the user may come from, valid CIDRs or addresses; `null`: from anywhere. */
  readonly ipAllowlist?: readonly string[] | null;
  /**
   * What the record must be like for the change to happen: of this version; `'absent'`: not there yet;
   * `'any'`: whatever it is, made if absent.
   */
  readonly ifVersion: number | 'absent' | 'any';
  /**
   * The app's own version of this user. A change with an older one than the record's is refused, and one with the
   * same may only tighten: it cannot lift or shorten a block, nor add a role, nor replace an allowlist.
   */
  readonly sourceVersion?: number;
  /** The change says all that the app's database knows of the user: a record that was too old is fresh again. */
  readonly isWhole?: boolean;
  /** It is no act: nothing of a user with a record would have been changed. */
  readonly isInitial?: boolean;
}

export type UserChangeOutcome =
  | { readonly outcome: 'changed'; readonly user: UserState; readonly sessions: number }
  /** `user`: the record as it is; absent if there is none. */
  | { readonly outcome: 'version_conflict'; readonly user?: UserState }
  /** An act (no `sourceVersion`, not `isWhole`) blocks until an instant that has passed. Nothing was changed. */
  | { readonly outcome: 'block_in_past' }
  /** The record has a newer `sourceVersion`. Nothing was changed. */
  | { readonly outcome: 'outdated'; readonly user: UserState };

/** What a `UserDirectory` answered, on its way into the repository. */
export interface LoadedUser {
  readonly userId: string;
  readonly roles: readonly string[];
  readonly block?: { readonly reason: string; readonly until?: number; readonly by?: string };
  readonly ipAllowlist?: readonly string[] | null;
  readonly sourceVersion?: number;
}

/** What there is of a user. */
export interface KeptOfUser {
  /** Absent: there is no record. However old it is. */
  readonly user?: UserState;
  /** Also those that have ended and are remembered; newest first. */
  readonly sessions: readonly KeptSession[];
  readonly quotas: readonly KeptQuota[];
  readonly oneTimeTokens: readonly KeptOneTimeToken[];
}

export interface KeptSession {
  /** Of one that has ended, `lastSeenAt` is its end. */
  readonly session: Session;
  readonly status: 'live' | 'revoked' | 'expired';
  readonly data?: StoredData;
}

/** A count of a quota by user or by session. @publicApi */
export interface KeptQuota {
  /** The name of the quota. */
  readonly name: string;
  /** Of a quota by session: whose. */
  readonly sessionId?: string;
  /** When nothing of it is used up any more, in milliseconds since 1970 UTC. */
  readonly fullAt: number;
}

/** A one-time token, without its secret and its data. @publicApi */
export interface KeptOneTimeToken {
  readonly purpose: string;
  /** Milliseconds since 1970 UTC. */
  readonly issuedAt: number;
  /** Milliseconds since 1970 UTC. */
  readonly expiresAt: number;
}

/** The records of users. As in `SessionRepository`, every method is one atomic operation. */
export interface UserRepository {
  /** The user's record; `undefined` when there is none, or it is too old. */
  read(userId: string): Promise<UserState | undefined>;
  change(change: UserChange): Promise<UserChangeOutcome>;
  /** All that is kept of the user at one moment, also of a user without a record. */
  export(userId: string): Promise<KeptOfUser>;
  /** Forgets the user: record, sessions, everything. @returns how many live sessions that ended */
  erase(userId: string): Promise<number>;
  /**
   * Announces a load, or joins the one that is under way. Any change or erasure of the user until `finishLoad` makes
   * the load void.
   * @returns the nonce to finish with: this one, or that of the load that was joined
   */
  beginLoad(userId: string, nonce: string): Promise<string>;
  /**
   * Stores what was loaded if `nonce` still stands, by the rules for `sourceVersion` above (none counts as the same).
   * @returns whether the nonce still stood
   */
  finishLoad(loaded: LoadedUser, nonce: string): Promise<boolean>;
}

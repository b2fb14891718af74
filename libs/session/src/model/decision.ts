import type { IpRequirements } from './ip-list.js';
import type { QuotaResult, UserQuota } from './quota.js';
import type { AssuranceLevel, Session } from './session.js';
import type { StoredData } from './session-data.js';
import type { Block, UserState } from './user-state.js';

/**
 * What a repository knows of a presented token, without judging it. A `known` session's secret was right;
 * before that, a repository tells nothing, touches nothing and counts nothing.
 */
export type TokenLookup =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'known';
      readonly status: 'live' | 'revoked' | 'expired';
      /** Of a session that has ended, `lastSeenAt` may be the instant of its end. */
      readonly session: Session;
      readonly user: UserState;
      /** The repository's clock at the moment of the answer. */
      readonly now: number;
      /** When the presented token ends before its session does; absent where it lives as long. */
      readonly tokenEndsAt?: number;
      /** Whether this user may come from this client IP. If not, nothing was touched or counted. */
      readonly ipAllowed: boolean;
      /** What became of the request's quotas; empty unless the session is live, and the user may come and is not blocked. */
      readonly quotas: readonly QuotaResult[];
      /** Of a live session of a user who is not blocked, and only where it was asked for. */
      readonly data?: StoredData;
      /** The lease that was asked for is granted. `touchDueAt`: the next request from then on is to be counted as activity. */
      readonly lease?: { readonly touchDueAt: number };
    };

/** What a route demands of the request beyond a live session of a user who is not blocked. @publicApi */
export interface AccessRequirements {
  /** Every group must hold a role of the user's: `[['moderator', 'admin'], ['auditor']]`. */
  readonly roleGroups: readonly (readonly string[])[];
  /** The last authentication may be at most this many milliseconds ago. */
  readonly maxAuthenticationAgeMs?: number;
  readonly assurance?: AssuranceLevel;
  /** Where it may come from. */
  readonly ip?: IpRequirements;
  /** Quotas of the user or the session, consumed together with the check. Never change a list that was used: make another. */
  readonly quotas?: readonly UserQuota[];
  /** Read the session's data together with the check. */
  readonly withData?: boolean;
  /** Not the user's own doing, such as polling: the session's inactivity timeout goes on. */
  readonly passive?: boolean;
  /** Ask Redis, also where the near cache could answer. */
  readonly freshState?: boolean;
  /** A session that timed out passes too: for logging out. */
  readonly allowExpired?: boolean;
  /**
   * A guest's session passes too. It has `isGuest`, and `user` then stands for the guest alone: without roles, with an id
   * that no user has. Beside role groups, `maxAuthenticationAgeMs` or `assurance` it lets no guest in.
   */
  readonly allowGuests?: boolean;
}

/** Why a request is denied, in the order in which the reasons are looked at. @publicApi */
export type DenyReason =
  | 'session_missing'
  | 'session_invalid'
  | 'user_blocked'
  | 'session_revoked'
  | 'session_expired'
  | 'ip_not_allowed'
  | 'rate_limited'
  | 'reauthentication_required'
  | 'forbidden';

/** Permit, or deny with the first reason that applies. @publicApi */
export type Decision =
  | {
      readonly permit: true;
      readonly session: Session;
      readonly user: UserState;
      readonly quotas: readonly QuotaResult[];
    }
  | {
      readonly permit: false;
      readonly reason: DenyReason;
      readonly block?: Block;
      /** Those that were consumed, or with `rate_limited` were not. */
      readonly quotas: readonly QuotaResult[];
    };

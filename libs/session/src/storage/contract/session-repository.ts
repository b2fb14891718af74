import type { TokenLookup } from '../../model/decision.js';
import type { IpVerdict } from '../../model/ip-list.js';
import type { QuotaPolicy, QuotaResult, UserQuota } from '../../model/quota.js';
import type { AssuranceLevel, Device, EndReason, Lifetime, Session } from '../../model/session.js';
import type { UserState } from '../../model/user-state.js';
import type { EventChannel } from './event-channel.js';
import type { IpListRepository } from './ip-list-repository.js';
import type { AskedLease } from './lease.js';
import type { NodeRegistry } from './node-registry.js';
import type { Replication } from './replication.js';
import type { SessionDataRepository, TokenProof } from './session-data-repository.js';

export type { TokenProof };
import type { UserRepository } from './user-repository.js';

/** What a repository is set up with. All durations in milliseconds. */
export interface RepositorySettings {
  /** Lifetimes that hold for as long as the user has the role, on top of the session's own. */
  readonly roleLifetimes: ReadonlyMap<string, Lifetime>;
  /** How much time may pass before a request is written down as activity. */
  readonly touchIntervalMs: number;
  /** Live sessions a user may have. */
  readonly maxSessionsPerUser: number;
  /** What a login over the limit does: end the oldest session, or fail. */
  readonly onSessionLimit: 'evict-oldest' | 'reject';
  /** For how long an ended session is still told from one that never was. */
  readonly rememberEndedMs: number;
  /** How many ended sessions a user's record may hold after a login. */
  readonly maxEndedSessions: number;
  /** With a `UserDirectory`: how old a user's record may be before it must be loaded again, `Infinity` for never. */
  readonly maxStateAgeMs?: number;
  /** Of each Redis primary; absent: nobody said. */
  readonly replicas?: number;
}

/** A presented refresh token, taken apart: proof of its family, and of which token of the family it is. */
export interface RefreshProof {
  readonly userRef: string;
  readonly sessionId: string;
  readonly familyHash: Buffer;
  readonly refreshHash: Buffer;
}

/** What a session that has refresh tokens begins with, at login or at a replacement. */
export interface NewFamily {
  readonly familyHash: Buffer;
  readonly refreshHash: Buffer;
  /** How long an access token is good, if its session is. */
  readonly accessTokenTtlMs: number;
}

export interface RefreshRequest {
  readonly proof: RefreshProof;
  /** What the session gets if the presented token is its current one: the salt, and the hashes of what it makes. */
  readonly offer: { readonly salt: Buffer; readonly refreshHash: Buffer; readonly tokenHash: Buffer };
  readonly accessTokenTtlMs: number;
  /** How long the presented token is answered with the same offer again; at most 65,535. */
  readonly graceMs: number;
  /** Who presents it, as far as that is known. */
  readonly device: { readonly userAgent: string; readonly ip: string };
}

export type RefreshOutcome =
  | {
      readonly outcome: 'refreshed';
      readonly session: Session;
      readonly user: UserState;
      /** Of the offer that the session got: this one, or an earlier one for the same token. */
      readonly salt: Buffer;
      /** When it got it. */
      readonly rotatedAt: number;
      /** When the access token of that offer ends. */
      readonly tokenEndsAt: number;
    }
  /** The token was used before; this has ended its session, which is told as it was. */
  | { readonly outcome: 'reused'; readonly session: Session; readonly user: UserState }
  | { readonly outcome: 'user_blocked'; readonly user: UserState }
  /** The session has ended, or its tokens were replaced: nothing was changed. */
  | { readonly outcome: 'revoked' | 'expired' }
  /** No such family. Nothing was told, touched or changed. */
  | { readonly outcome: 'unknown' };

/** What a request brings along besides its token. */
export interface RequestDemand {
  /** The roles without which it is no activity: it will be denied. */
  readonly touchIfRoles: readonly (readonly string[])[];
  /** Consumed all or none, and only for a live session of a user who is not blocked and may come from there. */
  readonly quotas: readonly UserQuota[];
  /** Answer the session's data as well. */
  readonly withData?: boolean;
  /** Where it comes from. Absent: that is not known. */
  readonly ip?: IpVerdict;
  /** Only storage itself may answer, not a copy. */
  readonly isFresh?: boolean;
  /** Of a near cache that asks for leave to keep the answer. */
  readonly lease?: AskedLease;
}

/** One thing to do with one quota outside of `authenticate`. */
export interface QuotaRequest {
  readonly operation: 'consume' | 'peek' | 'refund' | 'reset';
  readonly policy: QuotaPolicy;
  /** Whose share it is: a user's (or one of the user's sessions'), or whatever the app tells apart. */
  readonly partition: { readonly userId: string; readonly sessionId?: string } | { readonly key: string };
  /** How many at once. */
  readonly cost: number;
  /**
   * Of a consumption by `key`: names it for a while. A refund with that name gives back once what it took, and nothing if
   * it never took place; `allowed` tells which.
   */
  readonly receipt?: QuotaReceipt;
}

export interface QuotaReceipt {
  /** 8 characters that no other consumption of the partition has. */
  readonly name: string;
  readonly termMs: number;
}

/** The user's record must be loaded from the `UserDirectory` before anything can be said. */
export interface LoadFirst {
  readonly kind: 'load';
  readonly userId: string;
}

export interface NewSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenHash: Buffer;
  readonly device: Device;
  readonly lifetime: Lifetime;
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  /** Absent: no refresh tokens, and the token lives as long as the session. */
  readonly family?: NewFamily;
  /** The epoch read before any credential was verified; the session is made only if it is still the user's. */
  readonly ifEpoch?: number;
  /** What the session's data begins with. */
  readonly data?: Buffer;
  /** Make a record without roles for a user who has none yet. Not together with `ifEpoch`. */
  readonly createUser: boolean;
  /**
   * A guest's, whose user id nobody has had before: all that is kept of it is gone when its absolute timeout has passed. Its
   * beginning is announced to nobody, and its record is never too old. Together with `createUser`.
   */
  readonly isGuest?: true;
}

export type CreateOutcome =
  | {
      readonly outcome: 'created';
      readonly session: Session;
      readonly user: UserState;
      readonly evicted: readonly string[];
    }
  | { readonly outcome: 'user_blocked'; readonly user: UserState }
  | { readonly outcome: 'user_unknown' | 'epoch_changed' | 'session_limit_reached' };

export interface TokenReplacement {
  /** The client that asks: acted upon only if its session is live at the user's epoch with this very secret. */
  readonly proof: TokenProof;
  readonly newTokenHash: Buffer;
  /** As for a new session. Refresh tokens of before are revoked in either case. */
  readonly family?: NewFamily;
  /** As for a new session. */
  readonly ifEpoch?: number;
  /** The person proved who they are just now: both timeouts start again. */
  readonly reauthenticated: boolean;
  /** Raises the session's assurance; never lowers it. */
  readonly assurance?: AssuranceLevel;
  /** Start a new epoch and take only this session along: every other one is revoked. */
  readonly revokeOthers: boolean;
}

export type ReplaceOutcome =
  | {
      readonly outcome: 'replaced';
      readonly session: Session;
      readonly user: UserState;
      readonly revoked: number;
      /** The repository's clock at the moment of the replacement. */
      readonly now: number;
    }
  /** The proof's session is not live at the current epoch, the secret is another, or `ifEpoch` has passed. */
  | { readonly outcome: 'refused' };

export type RevokeAllOutcome =
  /** `sessions` counts the live ones that this ended. */
  | {
      readonly outcome: 'revoked';
      readonly version: number;
      readonly epoch: number;
      readonly sessions: number;
    }
  | { readonly outcome: 'user_unknown' }
  /** `except` was not a live session at the current epoch with the presented secret. Nothing was changed. */
  | { readonly outcome: 'refused' };

/**
 * Where sessions and user state live. Every method is one atomic operation on the records of one user; the time is
 * the repository's own. Two implementations pass one contract suite (`testing/repository-contract.ts`).
 *
 * Rejections are `SessionError`s with code `session_store_unavailable`; they come within the command timeout.
 */
export interface SessionRepository {
  /** On which every method that changes something announces it, in the same atomic operation. */
  readonly events: EventChannel;
  readonly users: UserRepository;
  readonly nodes: NodeRegistry;
  readonly data: SessionDataRepository;
  readonly ipLists: IpListRepository;
  /** Absent where there is no Redis, or no replica that anybody speaks of. */
  readonly replication?: Replication;

  /**
   * What is known of the presented token. If the session is live and the user may come and is not blocked, consumes the
   * request's quotas, all or none, and counts it as activity when that is due and the user has the roles that `touchIfRoles`
   * demands.
   * With `maxStateAgeMs` set, a right secret whose user's record is absent or too old is answered by `load`: load that
   * user, then ask again. Without it, the session of a user who has no record is unknown.
   */
  authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst>;
  create(session: NewSession): Promise<CreateOutcome>;
  /** The user's live sessions, newest first. */
  list(userId: string): Promise<Session[]>;
  /** Ends one session, also one that timed out. @returns whether it was a live one of this user's */
  revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean>;
  /**
   * Forgets, as a login does, sessions that ended too long ago to be remembered, or too many of them.
   * @returns how many
   */
  sweep(userId: string): Promise<number>;
  /** Starts a new epoch, which ends every session of the user's but `except`. */
  revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome>;
  replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome>;
  /**
   * Answers a refresh token. The current one gets the session the tokens on offer, and counts as activity; the access
   * token of before is good for `graceMs` more. The one before it gets the same answer again, within its grace and until
   * its successor is used. Any other token of the family was used before: the session is ended.
   * Asks for a load as `authenticate` does.
   */
  refresh(request: RefreshRequest): Promise<RefreshOutcome | LoadFirst>;

  /** Counts against a quota, or looks at it. A consumption that is not allowed consumes nothing. */
  quota(request: QuotaRequest): Promise<QuotaResult>;

  /** Resolves when the repository can serve; rejects with a `SessionError` when it cannot. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

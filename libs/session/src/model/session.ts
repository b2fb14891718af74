/**
 * How sure we are of the person behind a session: NIST SP 800-63B-4 Authentication Assurance Levels.
 * Recorded at login and raised by a step-up.
 * @publicApi
 */
export type AssuranceLevel = 'aal1' | 'aal2' | 'aal3';

/** Why a session ended before its time. @publicApi */
export type EndReason = 'logout' | 'revoked' | 'evicted';

/** Why a session ended, as its record has it. */
export type RecordedEnd = EndReason | 'timed_out' | 'refresh_reused';

/** What an end reason decides. */
export interface EndRules {
  /** The number that stands for it in the record; 0 is a session that goes on. */
  readonly code: number;
  /** What a request with the session's token is told. */
  readonly status: 'revoked' | 'expired';
  /** Apps may give it to `SessionService.revoke()`. */
  readonly isGiven: boolean;
}

/** Every end reason with all that follows from it. Redis has the codes and what is `expired` in lua/include/session-record.lua. */
export const END_REASONS = {
  logout: { code: 1, status: 'revoked', isGiven: true },
  revoked: { code: 2, status: 'revoked', isGiven: true },
  /** To make room for a newer session of the user. */
  evicted: { code: 3, status: 'revoked', isGiven: true },
  timed_out: { code: 4, status: 'expired', isGiven: false },
  /** A refresh token was used twice. */
  refresh_reused: { code: 5, status: 'revoked', isGiven: false },
} as const satisfies Readonly<Record<RecordedEnd, EndRules>>;

/** Those that apps may give. */
export const GIVEN_END_REASONS = (Object.keys(END_REASONS) as RecordedEnd[]).filter(
  (reason): reason is EndReason => END_REASONS[reason].isGiven,
);

/** What a person recognises a session by. Descriptive only: no decision rests on it. @publicApi */
export interface Device {
  /** A name that the person or the client gave, at most 64 characters; empty when none was given. */
  readonly name: string;
  /** A short form of the User-Agent header at login or at the latest refresh, such as `Chrome 156 on Linux`. */
  readonly userAgent: string;
  /** The client IP at login or at the latest refresh, normalised; empty when it was not known. */
  readonly ip: string;
}

/** One authenticated client of one user, as the server remembers it. Instants are milliseconds since 1970 UTC. @publicApi */
export interface Session {
  /** Names the session in lists and revocations. It is never accepted as proof of anything. */
  readonly id: string;
  /** The user id; of a guest's session one that is the guest's alone and that no user has. */
  readonly userId: string;
  /** Present for a session before login (`SessionService.createGuest`): it has no user. */
  readonly isGuest?: true;
  readonly device: Device;
  readonly createdAt: number;
  /** The last request that was counted as activity; behind the truth by at most the touch interval. */
  readonly lastSeenAt: number;
  /** When the person last proved who they are: login, or the latest reauthentication. */
  readonly authenticatedAt: number;
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  /** When it ends if no request comes: the nearer of the inactivity and the absolute timeout. */
  readonly expiresAt: number;
  /** When it ends whatever happens, unless the person reauthenticates. */
  readonly absoluteExpiresAt: number;
}

/** How long a session may live. Both are enforced by the repository's clock (in Redis: Redis's). @publicApi */
export interface Lifetime {
  /** Milliseconds without a request after which the session ends; 0 means no such limit. At most 2^32 - 1 (49 days). */
  readonly inactivityTimeoutMs: number;
  /** Milliseconds since the last authentication after which the session ends, however busy it is. */
  readonly absoluteTimeoutMs: number;
}

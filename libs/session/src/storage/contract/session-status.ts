import { END_REASONS, type Lifetime, type RecordedEnd } from '../../model/session.js';
import { effectiveLifetime, expiryOf } from '../../rules/lifetime.js';
import type { RepositorySettings } from './session-repository.js';

/** What a session's status depends on, of its record. */
export interface SessionTimes {
  readonly epoch: number;
  /** The session's own lifetime, before the user's roles shorten it. */
  readonly lifetime: Lifetime;
  readonly lastSeenAt: number;
  readonly authenticatedAt: number;
  /** When the session itself was ended by a logout, a revocation, the cap or a timeout that was seen; else absent. */
  readonly endedAt?: number;
  readonly endReason?: RecordedEnd;
}

/** What a session's status depends on, of its user's record. */
export interface UserEpoch {
  readonly epoch: number;
  /** When that epoch began: the end of every session of an earlier one. */
  readonly epochAt: number;
  readonly roles: readonly string[];
}

export type SessionStatus =
  | { readonly status: 'live' }
  /** `unknown`: it ended so long ago that it is no longer told from a session that never was. */
  | { readonly status: 'revoked' | 'expired' | 'unknown'; readonly endedAt: number };

/**
 * What a session is at this moment, and since when if it has ended. Pure. `status_of` in
 * `redis/lua/include/session-record.lua` says the same in Lua: a change here is a change there.
 */
export function sessionStatus(
  session: SessionTimes,
  user: UserEpoch,
  at: { readonly now: number } & Pick<RepositorySettings, 'roleLifetimes' | 'rememberEndedMs'>,
): SessionStatus {
  const end = endOf(session, user, at);
  if (!end) return { status: 'live' };
  return at.now - end.endedAt > at.rememberEndedMs ? { status: 'unknown', endedAt: end.endedAt } : end;
}

function endOf(
  session: SessionTimes,
  user: UserEpoch,
  at: { readonly now: number } & Pick<RepositorySettings, 'roleLifetimes'>,
): { readonly status: 'revoked' | 'expired'; readonly endedAt: number } | undefined {
  if (session.endedAt !== undefined) {
    return { status: END_REASONS[session.endReason ?? 'revoked'].status, endedAt: session.endedAt };
  }
  if (session.epoch !== user.epoch) return { status: 'revoked', endedAt: user.epochAt };
  const lifetime = effectiveLifetime(session.lifetime, user.roles, at.roleLifetimes);
  const { expiresAt } = expiryOf(session, lifetime);
  return at.now >= expiresAt ? { status: 'expired', endedAt: expiresAt } : undefined;
}

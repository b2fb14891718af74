import type { AssuranceLevel, Device, Lifetime, RecordedEnd, Session } from '../../model/session.js';
import { effectiveLifetime, expiryOf } from '../../rules/lifetime.js';
import { isGuestId, sameHash } from '../../token/session-token.js';
import type { StoredData } from '../../model/session-data.js';
import type { MemoryUser } from './user-record.js';
import type { NewSession } from '../contract/session-repository.js';

/** The refresh tokens of a session. `redis/lua/include/family.lua` describes the same in Redis. */
export interface Family {
  readonly familyHash: Buffer;
  /** Of the current one. */
  readonly refreshHash: Buffer;
  /** When the session's access token ends. */
  readonly accessEndsAt: number;
  /** For as long as the one before may be answered. */
  readonly rotation?: {
    readonly refreshHash: Buffer;
    readonly salt: Buffer;
    readonly at: number;
    readonly graceMs: number;
  };
}

/** A session's record. `redis/lua/include/session-record.lua` describes the same one in Redis. */
export interface MemorySession {
  readonly id: string;
  tokenHash: Buffer;
  /** The token hash before this one, so that the old token is told from one that never was; 0: it was replaced. */
  previous?: { readonly tokenHash: Buffer; readonly endedAt: number; readonly goodUntil: number };
  family?: Family;
  /** The family before the last replacement. */
  lastFamily?: { readonly familyHash: Buffer; readonly replacedAt: number };
  device: Device;
  readonly lifetime: Lifetime;
  createdAt: number;
  lastSeenAt: number;
  authenticatedAt: number;
  assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  epoch: number;
  endedAt?: number;
  endReason?: RecordedEnd;
  data?: StoredData;
}

export function newMemorySession(session: NewSession, epoch: number, now: number): MemorySession {
  const { sessionId, tokenHash, device, lifetime, assurance, rememberMe } = session;
  return {
    id: sessionId,
    tokenHash: Buffer.from(tokenHash),
    device: { ...device },
    lifetime: { ...lifetime },
    createdAt: now,
    lastSeenAt: now,
    authenticatedAt: now,
    assurance,
    rememberMe,
    epoch,
    ...(session.data ? { data: { version: now, payload: Buffer.from(session.data) } } : {}),
  };
}

/**
 * Until when a presented access token is good: `Infinity` for one that lives as long as its session, 0 for one that was
 * replaced, `undefined` for none of those that are still known.
 */
export function tokenEnd(
  session: MemorySession,
  tokenHash: Buffer,
  at: { readonly now: number; readonly rememberEndedMs: number },
): number | undefined {
  if (sameHash(session.tokenHash, tokenHash)) return session.family?.accessEndsAt ?? Infinity;
  const { previous } = session;
  if (!previous || !sameHash(previous.tokenHash, tokenHash)) return undefined;
  return at.now - previous.endedAt > at.rememberEndedMs ? undefined : previous.goodUntil;
}

/** What was written before the clock stepped back counts as now: the session gains nothing by the step from here on. */
export function notAhead(session: MemorySession, now: number): void {
  session.createdAt = Math.min(session.createdAt, now);
  session.lastSeenAt = Math.min(session.lastSeenAt, now);
  session.authenticatedAt = Math.min(session.authenticatedAt, now);
}

export function endSession(session: MemorySession, reason: RecordedEnd, at: number): void {
  session.endedAt = at;
  session.endReason = reason;
  delete session.data;
}

/** A copy of the record for those outside, its ends shortened by what the user's roles of this moment demand. */
export function sessionOf(
  session: MemorySession,
  user: MemoryUser,
  roleLifetimes: ReadonlyMap<string, Lifetime>,
): Session {
  const lifetime = effectiveLifetime(session.lifetime, user.roles, roleLifetimes);
  return {
    id: session.id,
    userId: user.id,
    ...(isGuestId(user.id) ? { isGuest: true } : {}),
    device: { ...session.device },
    createdAt: session.createdAt,
    lastSeenAt: session.lastSeenAt,
    authenticatedAt: session.authenticatedAt,
    assurance: session.assurance,
    rememberMe: session.rememberMe,
    ...expiryOf(session, lifetime),
  };
}

/** Which of two instants, and of two sessions at the same one, comes first. */
export function earlier(
  a: { readonly at: number; readonly id: string },
  b: { readonly at: number; readonly id: string },
): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1);
}

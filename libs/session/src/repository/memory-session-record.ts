import type { AssuranceLevel, Device, EndReason, Lifetime, Session } from '../model/session.js';
import { effectiveLifetime, expiryOf } from '../policy/lifetime.js';
import { sameHash } from '../token/session-token.js';
import type { StoredData } from '../model/session-data.js';
import type { UserRecord } from './memory-user-record.js';
import type { NewSession } from './session-repository.js';

/** A session's record. `redis/lua/include/session-record.lua` describes the same one in Redis. */
export interface SessionRecord {
  readonly id: string;
  tokenHash: Buffer;
  /** The token hash before the last replacement, so that the old token is told from one that never was. */
  previous?: { readonly tokenHash: Buffer; readonly replacedAt: number };
  readonly device: Device;
  readonly lifetime: Lifetime;
  readonly createdAt: number;
  lastSeenAt: number;
  authenticatedAt: number;
  assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  epoch: number;
  endedAt?: number;
  endReason?: EndReason | 'timed-out';
  data?: StoredData;
}

export function newSessionRecord(session: NewSession, epoch: number, now: number): SessionRecord {
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

/** Which of a session's tokens was presented; `undefined` for none of those that are still known. */
export function presentedToken(
  session: SessionRecord,
  tokenHash: Buffer,
  at: { readonly now: number; readonly rememberEndedMs: number },
): 'current' | 'replaced' | undefined {
  if (sameHash(session.tokenHash, tokenHash)) return 'current';
  const { previous } = session;
  if (!previous || !sameHash(previous.tokenHash, tokenHash)) return undefined;
  return at.now - previous.replacedAt > at.rememberEndedMs ? undefined : 'replaced';
}

export function endSession(session: SessionRecord, reason: EndReason | 'timed-out', at: number): void {
  session.endedAt = at;
  session.endReason = reason;
  delete session.data;
}

/** A copy of the record for those outside, its ends shortened by what the user's roles of this moment demand. */
export function sessionOf(
  session: SessionRecord,
  user: UserRecord,
  roleLifetimes: ReadonlyMap<string, Lifetime>,
): Session {
  const lifetime = effectiveLifetime(session.lifetime, user.roles, roleLifetimes);
  return {
    id: session.id,
    userId: user.id,
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

import type { UserEvent, UserEventName } from '../../model/session-event.js';
import type { Device } from '../../model/session.js';
import { accessTokenEnd } from '../../rules/lifetime.js';
import { sameHash } from '../../token/session-token.js';
import { endSession, type Family, type MemorySession, notAhead } from './session-record.js';
import type { UserEntry } from './user-entry.js';
import { isBlocked } from './user-record.js';
import type {
  LoadFirst,
  NewFamily,
  RefreshOutcome,
  RefreshProof,
  RefreshRequest,
} from '../contract/session-repository.js';

/** What there is to announce after a refresh. */
export interface RefreshEvent {
  readonly name: UserEventName;
  readonly devices?: UserEvent['devices'];
}

/** Puts a new family, or none, in the place of a session's family, which is remembered for a while. */
export function beginFamily(entry: UserEntry, session: MemorySession, begun: Begun): void {
  const { family: old } = session;
  const { family, now } = begun;
  if (old) session.lastFamily = { familyHash: old.familyHash, replacedAt: now };
  delete session.family;
  if (!family) return;
  session.family = {
    familyHash: Buffer.from(family.familyHash),
    refreshHash: Buffer.from(family.refreshHash),
    accessEndsAt: accessTokenEnd(entry.show(session), { at: now, ttlMs: family.accessTokenTtlMs }),
  };
}

interface Begun {
  readonly family: NewFamily | undefined;
  readonly now: number;
}

/** As `redis/lua/refresh.lua`. @param announce is told what has happened, in this order */
export function refreshIn(
  entry: UserEntry | undefined,
  request: RefreshRequest,
  at: {
    readonly now: number;
    readonly rememberEndedMs: number;
    readonly announce: (event: RefreshEvent) => void;
  },
): RefreshOutcome | LoadFirst {
  const { now, announce } = at;
  const { proof } = request;
  const session = entry?.sessions.get(proof.sessionId);
  const family = session && knownFamily(session, proof, at);
  if (!entry || !session || !family) return { outcome: 'unknown' };
  if (entry.isTooOld(now)) return { kind: 'load', userId: entry.user.id };
  const { status } = entry.statusOf(session, now);
  if (status === 'unknown') return { outcome: 'unknown' };
  const user = entry.showUser(now);
  if (isBlocked(entry.user, now)) return { outcome: 'user_blocked', user };
  if (status === 'revoked' || family === 'replaced') return { outcome: 'revoked' };
  if (status === 'expired') return { outcome: 'expired' };

  const known = session.device;
  const presented = { userAgent: request.device.userAgent, ip: request.device.ip };
  const devices = { session: { userAgent: known.userAgent, ip: known.ip }, presented };
  const isCurrent = sameHash(family.refreshHash, proof.refreshHash);
  if (!isCurrent && !isGraced(family, proof, now)) {
    const outcome = { outcome: 'reused', session: entry.show(session), user } as const;
    endSession(session, 'refresh_reused', now);
    announce({ name: 'refresh.reused', devices });
    return outcome;
  }
  const device = deviceNow(known, presented);
  if (isCurrent) {
    rotate(entry, session, { ...request, now });
    session.device = device;
    announce({ name: 'session.refreshed' });
  }
  if (device.ip !== known.ip || device.userAgent !== known.userAgent) {
    announce({ name: 'refresh.device_changed', devices });
  }
  const { rotation, accessEndsAt } = session.family as Required<Family>;
  return {
    outcome: 'refreshed',
    session: entry.show(session),
    user,
    salt: Buffer.from(rotation.salt),
    rotatedAt: rotation.at,
    tokenEndsAt: accessEndsAt,
  };
}

function knownFamily(
  { family, lastFamily }: MemorySession,
  { familyHash }: RefreshProof,
  { now, rememberEndedMs }: { readonly now: number; readonly rememberEndedMs: number },
): Family | 'replaced' | undefined {
  if (family && sameHash(family.familyHash, familyHash)) return family;
  if (!lastFamily || !sameHash(lastFamily.familyHash, familyHash)) return undefined;
  return now - lastFamily.replacedAt > rememberEndedMs ? undefined : 'replaced';
}

function isGraced({ rotation }: Family, { refreshHash }: RefreshProof, now: number): boolean {
  return (
    rotation !== undefined &&
    now - rotation.at < rotation.graceMs &&
    sameHash(rotation.refreshHash, refreshHash)
  );
}

function rotate(
  entry: UserEntry,
  session: MemorySession,
  { proof, offer, graceMs, accessTokenTtlMs, now }: RefreshRequest & { readonly now: number },
): void {
  const before = session.family as Family;
  session.previous = {
    tokenHash: session.tokenHash,
    endedAt: now,
    goodUntil: Math.min(now + graceMs, before.accessEndsAt),
  };
  session.tokenHash = Buffer.from(offer.tokenHash);
  notAhead(session, now);
  session.lastSeenAt = now;
  session.family = {
    familyHash: before.familyHash,
    refreshHash: Buffer.from(offer.refreshHash),
    accessEndsAt: accessTokenEnd(entry.show(session), { at: now, ttlMs: accessTokenTtlMs }),
    rotation: {
      refreshHash: Buffer.from(proof.refreshHash),
      salt: Buffer.from(offer.salt),
      at: now,
      graceMs,
    },
  };
}

/** What is not known of the one who presents a token is taken to be as it was. */
function deviceNow(known: Device, presented: Pick<Device, 'userAgent' | 'ip'>): Device {
  return {
    name: known.name,
    userAgent: presented.userAgent || known.userAgent,
    ip: presented.ip || known.ip,
  };
}

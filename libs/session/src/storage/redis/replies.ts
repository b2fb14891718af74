import type { TokenLookup } from '../../model/decision.js';
import type { QuotaPolicy, QuotaResult } from '../../model/quota.js';
import type { Device, Session } from '../../model/session.js';
import type { Block, UserState } from '../../model/user-state.js';
import { rangeBits } from '../../rules/ip-ranges.js';
import { effectiveLifetime, expiryOf, touchAfterMs } from '../../rules/lifetime.js';
import { CHECK_STATUS, type TokenLookupReply } from '../../redis/records/token-lookup.js';
import { readDevice } from '../../redis/records/device-record.js';
import { readSessionRecord, type SessionRecord } from '../../redis/records/session-record.js';
import type { ReplyOf } from '../../redis/scripts/replies.js';
import {
  type BlockRecord,
  readUserRecord,
  type UserRecord,
  type UserReply,
} from '../../redis/records/user-record.js';
import { isGuestId, isSessionId } from '../../token/session-token.js';
import { unexpected } from './distrust.js';
import type {
  CreateOutcome,
  LoadFirst,
  RefreshOutcome,
  RepositorySettings,
} from '../contract/session-repository.js';

/** A user's record as the rest of the library sees it. A block whose end has passed is none. */
export function toUserState(reply: UserReply, now: number): UserState {
  return userOf(readUserRecord(reply), now);
}

/**
 * As `toUserState`, of a certain user.
 * @throws SessionError for a record that says it is somebody else's
 */
export function toUserOf(userId: string, reply: UserReply, now: number): UserState {
  const user = toUserState(reply, now);
  if (user.id !== userId) throw unexpected('user_mismatch');
  return user;
}

function userOf({ id, version, epoch, roles, ...rare }: UserRecord, now: number): UserState {
  const { block, sourceVersion, ipAllowlist } = rare;
  const isBlocked = block !== undefined && (block.until === 0 || block.until > now);
  const user: Writable<UserState> = {
    id,
    status: isBlocked ? 'blocked' : 'active',
    roles: roles === '' ? [] : roles.split(' '),
    version,
    epoch,
  };
  if (isBlocked) user.block = blockOf(block);
  if (ipAllowlist !== undefined) user.ipAllowlist = readIpAllowlist(ipAllowlist);
  if (sourceVersion !== undefined) user.sourceVersion = sourceVersion;
  return user;
}

function blockOf({ at, until, reason, by }: BlockRecord): Block {
  return { reason, ...(until === 0 ? {} : { until }), ...(by === '' ? {} : { by }), at };
}

/** What a check found, as the rest of the library sees it. */
export function toTokenLookup(
  found: TokenLookupReply,
  asked: { readonly sessionId: string; readonly quotas: readonly QuotaPolicy[] },
  settings: RepositorySettings,
): TokenLookup {
  const { now, quotas, device } = found;
  const user = userOf(found.user, now);
  const lookup: Writable<Extract<TokenLookup, { kind: 'known' }>> = {
    kind: 'known',
    status: STATUS[found.status] ?? 'revoked',
    session: sessionOf(asked.sessionId, found.session, { device, user, settings }),
    user,
    now,
    ipAllowed: found.admitted,
    quotas: quotas ? asked.quotas.map((quota, i) => toQuotaResult(quota, quotas[i] ?? [])) : NO_QUOTAS,
  };
  if (found.tokenEnd > 0) lookup.tokenEndsAt = found.tokenEnd;
  if (found.data) lookup.data = found.data;
  if (found.isLeased) {
    const lifetime = effectiveLifetime(found.session, user.roles, settings.roleLifetimes);
    lookup.lease = {
      touchDueAt: lookup.session.lastSeenAt + touchAfterMs(lifetime, settings.touchIntervalMs),
    };
  }
  return lookup;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const STATUS: ('live' | 'revoked' | 'expired' | undefined)[] = [];
for (const status of ['live', 'revoked', 'expired'] as const) STATUS[CHECK_STATUS[status]] = status;
const NO_QUOTAS: readonly QuotaResult[] = [];

/** The list in a user's record, as lua/include/ip.lua describes it, from its ranges. */
export function writeIpAllowlist(cidrs: readonly string[]): string {
  return cidrs.map((cidr) => `${cidr}=${rangeBits(cidr)};`).join('');
}

function readIpAllowlist(stored: string): string[] {
  return [...stored.matchAll(/([^=;]+)=[01456]+;/g)].map(([, cidr = '']) => cidr);
}

export function toQuotaResult(policy: QuotaPolicy, reply: readonly number[]): QuotaResult {
  const [allowed = 0, remaining = 0, waitUs = 0, resetUs = 0] = reply;
  const { name, quota, windowMs, burst } = policy;
  return {
    name,
    quota,
    windowMs,
    burst,
    allowed: allowed === 1,
    remaining,
    retryAfterMs: Math.ceil(waitUs / 1_000),
    resetMs: Math.ceil(resetUs / 1_000),
  };
}

export function toSession(
  stored: { readonly id: string; readonly record: Buffer; readonly device: Buffer | null },
  user: UserState,
  settings: RepositorySettings,
): Session {
  const device = readDevice(stored.device ?? NO_BYTES);
  return sessionOf(stored.id, readSessionRecord(stored.record), { device, user, settings });
}

export function toCreateOutcome(
  reply: ReplyOf<'createSession'>,
  { id, device }: { readonly id: string; readonly device: Buffer },
  settings: RepositorySettings,
): CreateOutcome {
  if (reply.kind === 'user_mismatch') throw unexpected(reply.kind);
  if (reply.kind === 'user_blocked') return { outcome: reply.kind, user: toUserState(reply.user, reply.now) };
  if (reply.kind !== 'created') return { outcome: reply.kind };
  const user = toUserState(reply.user, reply.now);
  const session = toSession({ id, record: reply.record, device }, user, settings);
  return { outcome: reply.kind, session, user, evicted: reply.evicted.map(String) };
}

export function toRefreshOutcome(
  reply: ReplyOf<'refresh'>,
  id: string,
  settings: RepositorySettings,
): RefreshOutcome | LoadFirst {
  if (reply.kind === 'load') return { kind: 'load', userId: String(reply.userId) };
  if (reply.kind === 'unknown' || reply.kind === 'revoked' || reply.kind === 'expired')
    return { outcome: reply.kind };
  const user = toUserState(reply.user, reply.now);
  if (reply.kind === 'user_blocked') return { outcome: reply.kind, user };
  const session = toSession({ id, record: reply.record, device: reply.device }, user, settings);
  if (reply.kind === 'reused') return { outcome: reply.kind, session, user };
  const { salt, rotatedAt, tokenEndsAt } = reply;
  return { outcome: reply.kind, session, user, salt, rotatedAt, tokenEndsAt };
}

/** The live sessions among the fields of a user's hash, newest first. */
export function liveSessions(
  fields: readonly Buffer[],
  context: { readonly user: UserState; readonly now: number; readonly settings: RepositorySettings },
): Session[] {
  const { user, now, settings } = context;
  const byField = new Map<string, Buffer>();
  for (let i = 0; i + 1 < fields.length; i += 2) byField.set(String(fields[i]), fields[i + 1] as Buffer);
  const live: Session[] = [];
  for (const [field, value] of byField) {
    if (!isSessionId(field)) continue;
    const record = readSessionRecord(value);
    if (record.ended || record.epoch !== user.epoch) continue;
    const device = readDevice(byField.get(`${field}:d`) ?? NO_BYTES);
    const session = sessionOf(field, record, { device, user, settings });
    if (now < session.expiresAt) live.push(session);
  }
  return live.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
}

const NO_BYTES = Buffer.alloc(0);

function sessionOf(
  id: string,
  record: SessionRecord,
  context: {
    readonly device: Device;
    readonly user: UserState;
    readonly settings: RepositorySettings;
  },
): Session {
  const { device, user, settings } = context;
  const { createdAt, lastSeenAt, authenticatedAt, assurance, rememberMe } = record;
  const lifetime = effectiveLifetime(record, user.roles, settings.roleLifetimes);
  const { expiresAt, absoluteExpiresAt } = expiryOf(record, lifetime);
  const session: Writable<Session> = {
    id,
    userId: user.id,
    device,
    createdAt,
    lastSeenAt,
    authenticatedAt,
    assurance,
    rememberMe,
    expiresAt,
    absoluteExpiresAt,
  };
  if (isGuestId(user.id)) session.isGuest = true;
  return session;
}

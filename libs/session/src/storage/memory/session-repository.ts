import type { Clock } from '../../basics/clock.js';
import { systemClock } from '../../basics/clock.js';
import type { TokenLookup } from '../../model/decision.js';
import type { IpVerdict } from '../../model/ip-list.js';
import type { QuotaResult, UserQuota } from '../../model/quota.js';
import type { EndReason, Session } from '../../model/session.js';
import type { StoredData } from '../../model/session-data.js';
import { admitsIp } from '../../rules/ip-ranges.js';
import { satisfiesRoles } from '../../rules/roles.js';
import { userRefOf } from '../../token/session-token.js';
import { MemoryIpLists } from './ip-lists.js';
import { MemoryEventChannel, MemoryNodeRegistry } from './nodes.js';
import { MemoryQuotas } from './quotas.js';
import { dataOf, MemorySessionDataRepository } from './session-data-repository.js';
import { beginFamily, type RefreshEvent, refreshIn } from './refresh.js';
import { earlier, endSession, newMemorySession, tokenEnd } from './session-record.js';
import { isBlocked } from './user-record.js';
import type { UserEntry } from './user-entry.js';
import { MemoryUserRepository } from './user-repository.js';
import type {
  CreateOutcome,
  LoadFirst,
  NewSession,
  QuotaRequest,
  RefreshOutcome,
  RefreshRequest,
  ReplaceOutcome,
  RequestDemand,
  RepositorySettings,
  RevokeAllOutcome,
  SessionRepository,
  TokenProof,
  TokenReplacement,
} from '../contract/session-repository.js';

const UNKNOWN_ORIGIN: IpVerdict = { clientIp: undefined, refusedRoles: [] };

/**
 * Sessions and user state in this process's memory: for tests, for trying things out, and for apps of one process that
 * may lose every session at a restart.
 *
 * No method awaits anything, so each one is as atomic as a script in Redis. They are `async` so that what they throw
 * rejects.
 * @publicApi
 */
export class MemorySessionRepository implements SessionRepository {
  readonly events = new MemoryEventChannel();
  readonly nodes = new MemoryNodeRegistry();
  readonly users: MemoryUserRepository;
  readonly ipLists: MemoryIpLists;
  readonly data = new MemorySessionDataRepository(
    (proof) => {
      const now = this.clock.now();
      const session = this.users.find(proof.userRef)?.proven(proof, now);
      return session && { session, now };
    },
    ({ userRef, sessionId }) => void this.end(this.users.find(userRef), sessionId, 'logout'),
  );
  private readonly quotas = new MemoryQuotas();

  constructor(
    private readonly settings: RepositorySettings,
    readonly clock: Clock = systemClock,
  ) {
    this.users = new MemoryUserRepository(settings, clock, this.events);
    this.users.whenErased((userRef) => this.quotas.forget(`${userRef}:`));
    this.users.whenExported((userRef) => ({ quotas: this.quotas.kept(`${userRef}:`, clock.now()) }));
    this.ipLists = new MemoryIpLists(clock, this.events);
  }

  async authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    const { touchIfRoles, quotas, ip = UNKNOWN_ORIGIN } = demand;
    const now = this.clock.now();
    const entry = this.users.find(proof.userRef);
    const session = entry?.sessions.get(proof.sessionId);
    if (!entry || !session) return { kind: 'unknown' };
    const { rememberEndedMs } = this.settings;
    const ends = tokenEnd(session, proof.tokenHash, { now, rememberEndedMs });
    if (ends === undefined) return { kind: 'unknown' };

    const { user } = entry;
    if (entry.isTooOld(now)) return { kind: 'load', userId: user.id };
    const standing = entry.statusOf(session, now);
    if (standing.status === 'unknown') return { kind: 'unknown' };
    const ended = ends === 0 ? 'revoked' : now >= ends ? 'expired' : 'live';
    const status = ended === 'revoked' || standing.status === 'live' ? ended : standing.status;
    let results: readonly QuotaResult[] = [];
    let data: { readonly data?: StoredData } = {};
    const ipAllowed = admitsIp(ip, user);
    if (status === 'live' && !isBlocked(user, now) && ipAllowed) {
      const consumed = quotas.map((policy) => ({ key: userQuotaKey(proof, policy), policy }));
      results = this.quotas.consumeAll(consumed, now);
      if (demand.withData) data = { data: dataOf(session) };
      if (satisfiesRoles(user.roles, touchIfRoles)) entry.touch(session, now);
    }
    const shown = { session: entry.show(session), user: entry.showUser(now) };
    const tokenEnds = ends === Infinity || ends === 0 ? {} : { tokenEndsAt: ends };
    return { kind: 'known', status, ...shown, now, ipAllowed, quotas: results, ...tokenEnds, ...data };
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const now = this.clock.now();
    let entry = this.users.entryOf(session.userId);
    if (!entry && session.createUser) {
      entry = session.isGuest
        ? this.users.makeGuest(session.userId, now, session.lifetime.absoluteTimeoutMs)
        : this.users.make(session.userId, {}, now);
    }
    if (!entry || entry.isTooOld(now)) return { outcome: 'user_unknown' };
    const { user, sessions } = entry;
    if (isBlocked(user, now)) return { outcome: 'user_blocked', user: entry.showUser(now) };
    if (session.ifEpoch !== undefined && session.ifEpoch !== user.epoch) return { outcome: 'epoch_changed' };
    if (sessions.has(session.sessionId)) throw new Error('There is a session of this ID already');

    const evicted = entry.makeRoom(now);
    if (!evicted) return { outcome: 'session_limit_reached' };
    const made = newMemorySession(session, user.epoch, now);
    beginFamily(entry, made, { family: session.family, now });
    sessions.set(made.id, made);
    for (const id of evicted) this.users.announce('session.revoked', user, { sessionId: id });
    if (!session.isGuest) this.users.announce('session.created', user, { sessionId: made.id });
    return { outcome: 'created', session: entry.show(made), user: entry.showUser(now), evicted };
  }

  async list(userId: string): Promise<Session[]> {
    const entry = this.users.entryOf(userId);
    if (!entry) return [];
    return entry
      .live(this.clock.now())
      .sort((a, b) => earlier({ at: b.createdAt, id: b.id }, { at: a.createdAt, id: a.id }))
      .map((session) => entry.show(session));
  }

  async revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    return this.end(this.users.entryOf(userId), sessionId, reason);
  }

  async revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome> {
    const now = this.clock.now();
    if (except && except.userRef !== userRefOf(userId)) return { outcome: 'refused' };
    const entry = this.users.entryOf(userId);
    if (!entry) return { outcome: 'user_unknown' };
    const kept = except && entry.proven(except, now);
    if (except && !kept) return { outcome: 'refused' };
    const sessions = entry.endAllBut(kept, now);
    this.users.announce('sessions.revoked_all', entry.user, kept ? { sessionId: kept.id } : {});
    return { outcome: 'revoked', version: entry.user.version, epoch: entry.user.epoch, sessions };
  }

  async sweep(userId: string): Promise<number> {
    return this.users.entryOf(userId)?.sweep(this.clock.now()) ?? 0;
  }

  async replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome> {
    const now = this.clock.now();
    const { proof, newTokenHash, ifEpoch, assurance } = replacement;
    const entry = this.users.find(proof.userRef);
    const session = entry?.proven(proof, now);
    if (!entry || !session) return { outcome: 'refused' };
    if (ifEpoch !== undefined && ifEpoch !== entry.user.epoch) return { outcome: 'refused' };

    const revoked = replacement.revokeOthers ? entry.endAllBut(session, now) : 0;
    session.previous = { tokenHash: session.tokenHash, endedAt: now, goodUntil: 0 };
    session.tokenHash = Buffer.from(newTokenHash);
    if (replacement.reauthenticated) session.authenticatedAt = session.lastSeenAt = now;
    if (assurance && assurance > session.assurance) session.assurance = assurance;
    beginFamily(entry, session, { family: replacement.family, now });
    if (replacement.revokeOthers)
      this.users.announce('sessions.revoked_all', entry.user, { sessionId: session.id });
    this.users.announce('session.token_replaced', entry.user, { sessionId: session.id });
    return { outcome: 'replaced', session: entry.show(session), user: entry.showUser(now), revoked, now };
  }

  async refresh(request: RefreshRequest): Promise<RefreshOutcome | LoadFirst> {
    const now = this.clock.now();
    const { userRef, sessionId } = request.proof;
    const entry = this.users.find(userRef);
    const announce = ({ name, devices }: RefreshEvent): void => {
      if (entry) this.users.announce(name, entry.user, { sessionId, ...(devices ? { devices } : {}) });
    };
    return refreshIn(entry, request, { ...this.settings, now, announce });
  }

  async quota({ operation, policy, partition, cost, receipt }: QuotaRequest): Promise<QuotaResult> {
    const key =
      'key' in partition
        ? `:${policy.name}\u0000${partition.key}`
        : userQuotaKey(
            { ...partition, userRef: userRefOf(partition.userId) },
            { ...policy, by: partition.sessionId === undefined ? 'user' : 'session' },
          );
    return this.quotas.apply(operation, { key, policy, cost, receipt }, this.clock.now());
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.users.clear();
    this.quotas.clear();
    this.ipLists.clear();
  }

  private end(entry: UserEntry | undefined, sessionId: string, reason: EndReason): boolean {
    const now = this.clock.now();
    const session = entry?.sessions.get(sessionId);
    if (!entry || !session || entry.statusOf(session, now).status !== 'live') return false;
    endSession(session, reason, now);
    this.users.announce('session.revoked', entry.user, { sessionId });
    return true;
  }
}

function userQuotaKey(
  { userRef, sessionId }: { readonly userRef: string; readonly sessionId?: string },
  { name, by }: UserQuota,
): string {
  return by === 'user' ? `${userRef}:${name}` : `${userRef}:${name}:${sessionId}`;
}

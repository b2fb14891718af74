import type { Clock } from '../model/clock.js';
import { systemClock } from '../model/clock.js';
import type { Facts } from '../model/decision.js';
import type { IpVerdict } from '../model/ip-list.js';
import type { QuotaResult, UserQuota } from '../model/quota.js';
import type { EndReason, Session } from '../model/session.js';
import type { StoredData } from '../model/session-data.js';
import type { UserEvent, UserEventName } from '../model/session-event.js';
import type { UserState } from '../model/user-state.js';
import { admitsIp } from '../policy/ip.js';
import { satisfiesRoles } from '../policy/roles.js';
import { userRefOf } from '../token/session-token.js';
import { MemoryEventChannel } from './memory-event-channel.js';
import { MemoryIpLists } from './memory-ip-lists.js';
import { MemoryNodeRegistry } from './memory-node-registry.js';
import { PendingLoads } from './memory-pending-loads.js';
import { MemoryQuotas } from './memory-quotas.js';
import { dataOf, MemorySessionDataRepository } from './memory-session-data-repository.js';
import { beginFamily, type RefreshEvent, refreshIn } from './memory-refresh.js';
import { earlier, endSession, newSessionRecord, tokenEnd } from './memory-session-record.js';
import { UserEntry } from './memory-user-entry.js';
import type { RecordChange, UserRecord } from './memory-user-record.js';
import {
  alters,
  applyChange,
  compareSource,
  isBlocked,
  newUserRecord,
  onlyTightening,
  withoutPastBlock,
} from './memory-user-record.js';
import type {
  CreateOutcome,
  LoadFirst,
  LoadedUser,
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
  UserChange,
  UserChangeOutcome,
} from './session-repository.js';

type EventDetails = Pick<UserEvent, 'sessionId' | 'devices'>;
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
  /** By userRef. Only users who have a record are in it: nothing that fails leaves a trace. */
  private readonly entries = new Map<string, UserEntry>();
  private readonly loads = new PendingLoads();
  readonly events = new MemoryEventChannel();
  readonly nodes = new MemoryNodeRegistry();
  readonly data = new MemorySessionDataRepository((proof) => {
    const now = this.clock.now();
    const session = this.entries.get(proof.userRef)?.proven(proof, now);
    return session && { session, now };
  });
  private readonly quotas = new MemoryQuotas();
  readonly ipLists: MemoryIpLists;
  private readonly erasureListeners: ((userRef: string) => void)[] = [];

  constructor(
    private readonly settings: RepositorySettings,
    readonly clock: Clock = systemClock,
  ) {
    this.ipLists = new MemoryIpLists(clock, this.events);
  }

  async authenticate(proof: TokenProof, demand: RequestDemand): Promise<Facts | LoadFirst> {
    const { touchIfRoles, quotas, ip = UNKNOWN_ORIGIN } = demand;
    const now = this.clock.now();
    const entry = this.entries.get(proof.userRef);
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
    let entry = this.entryOf(session.userId);
    if (!entry && session.createUser) entry = this.makeEntry(session.userId, {}, now);
    if (!entry || entry.isTooOld(now)) return { outcome: 'user_unknown' };
    const { user, sessions } = entry;
    if (isBlocked(user, now)) return { outcome: 'user_blocked', user: entry.showUser(now) };
    if (session.ifEpoch !== undefined && session.ifEpoch !== user.epoch) return { outcome: 'epoch_changed' };
    if (sessions.has(session.sessionId)) throw new Error('There is a session of this ID already');

    const evicted = entry.makeRoom(now);
    if (!evicted) return { outcome: 'session_limit_reached' };
    const made = newSessionRecord(session, user.epoch, now);
    beginFamily(entry, made, { family: session.family, now });
    sessions.set(made.id, made);
    for (const id of evicted) this.announce('session.revoked', user, { sessionId: id });
    this.announce('session.created', user, { sessionId: made.id });
    return { outcome: 'created', session: entry.show(made), user: entry.showUser(now), evicted };
  }

  async list(userId: string): Promise<Session[]> {
    const entry = this.entryOf(userId);
    if (!entry) return [];
    return entry
      .live(this.clock.now())
      .sort((a, b) => earlier({ at: b.createdAt, id: b.id }, { at: a.createdAt, id: a.id }))
      .map((session) => entry.show(session));
  }

  async revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    const now = this.clock.now();
    const entry = this.entryOf(userId);
    const session = entry?.sessions.get(sessionId);
    if (!entry || !session || entry.statusOf(session, now).status !== 'live') return false;
    endSession(session, reason, now);
    this.announce('session.revoked', entry.user, { sessionId });
    return true;
  }

  async revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome> {
    const now = this.clock.now();
    if (except && except.userRef !== userRefOf(userId)) return { outcome: 'refused' };
    const entry = this.entryOf(userId);
    if (!entry) return { outcome: 'user_unknown' };
    const kept = except && entry.proven(except, now);
    if (except && !kept) return { outcome: 'refused' };
    const sessions = entry.endAllBut(kept, now);
    this.announce('sessions.revoked_all', entry.user, kept ? { sessionId: kept.id } : {});
    return { outcome: 'revoked', version: entry.user.version, epoch: entry.user.epoch, sessions };
  }

  async sweep(userId: string): Promise<number> {
    return this.entryOf(userId)?.sweep(this.clock.now()) ?? 0;
  }

  async replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome> {
    const now = this.clock.now();
    const { proof, newTokenHash, ifEpoch, assurance } = replacement;
    const entry = this.entries.get(proof.userRef);
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
      this.announce('sessions.revoked_all', entry.user, { sessionId: session.id });
    this.announce('session.token_replaced', entry.user, { sessionId: session.id });
    return { outcome: 'replaced', session: entry.show(session), user: entry.showUser(now), revoked, now };
  }

  async refresh(request: RefreshRequest): Promise<RefreshOutcome | LoadFirst> {
    const now = this.clock.now();
    const { userRef, sessionId } = request.proof;
    const entry = this.entries.get(userRef);
    const announce = ({ name, devices }: RefreshEvent): void => {
      if (entry) this.announce(name, entry.user, { sessionId, ...(devices ? { devices } : {}) });
    };
    return refreshIn(entry, request, { ...this.settings, now, announce });
  }

  async readUser(userId: string): Promise<UserState | undefined> {
    const now = this.clock.now();
    const entry = this.entryOf(userId);
    return entry && !entry.isTooOld(now) ? entry.showUser(now) : undefined;
  }

  async changeUser(change: UserChange): Promise<UserChangeOutcome> {
    const now = this.clock.now();
    const { userId, ifVersion, sourceVersion } = change;
    const wanted = withoutPastBlock(change, now);
    const entry = this.entryOf(userId);
    if (!entry) {
      if (typeof ifVersion === 'number') return { outcome: 'version_conflict' };
      this.loads.makeVoid(userRefOf(userId));
      return { outcome: 'changed', user: this.makeEntry(userId, wanted, now).showUser(now), sessions: 0 };
    }
    if (change.block && wanted.block === null && sourceVersion === undefined && !change.isWhole) {
      return { outcome: 'block_in_past' };
    }
    const { user } = entry;
    if (ifVersion !== 'any' && ifVersion !== user.version) {
      return { outcome: 'version_conflict', user: entry.showUser(now) };
    }
    const source = sourceVersion === undefined ? 'newer' : compareSource(user, sourceVersion);
    if (source === 'outdated') return { outcome: 'outdated', user: entry.showUser(now) };
    const allowed = source === 'equal' ? onlyTightening(user, wanted, now) : wanted;

    const sessions = allowed.block ? entry.live(now).length : 0;
    const wasBlocked = user.block !== undefined;
    applyChange(user, allowed, now);
    user.version += 1;
    this.announceChange(allowed, user, wasBlocked);
    if (change.isWhole) user.loadedAt = now;
    this.loads.makeVoid(userRefOf(userId));
    return { outcome: 'changed', user: entry.showUser(now), sessions };
  }

  async eraseUser(userId: string): Promise<number> {
    const entry = this.entryOf(userId);
    const live = entry?.live(this.clock.now()).length ?? 0;
    if (entry) this.announce('user.erased', entry.user);
    this.entries.delete(userRefOf(userId));
    this.loads.makeVoid(userRefOf(userId));
    for (const listener of this.erasureListeners) listener(userRefOf(userId));
    return live;
  }

  async beginLoad(userId: string, nonce: string): Promise<string> {
    return this.loads.begin(userRefOf(userId), nonce, this.clock.now());
  }

  async finishLoad(loaded: LoadedUser, nonce: string): Promise<boolean> {
    const now = this.clock.now();
    const { userId, roles, block, ipAllowlist, sourceVersion } = loaded;
    const user = this.entryOf(userId)?.user;
    if (!this.loads.finish(userRefOf(userId), nonce, now)) return false;
    const change = withoutPastBlock({ roles, block: block ?? null, ipAllowlist, sourceVersion }, now);
    if (!user) {
      this.makeEntry(userId, change, now);
      return true;
    }
    user.loadedAt = now;
    const source = sourceVersion === undefined ? 'equal' : compareSource(user, sourceVersion);
    if (source === 'outdated') return true;
    const allowed = source === 'equal' ? onlyTightening(user, change, now) : change;
    const isChange = alters(user, allowed);
    const wasBlocked = user.block !== undefined;
    if (isChange) user.version += 1;
    applyChange(user, allowed, now);
    if (isChange) this.announceChange(allowed, user, wasBlocked);
    return true;
  }

  async quota({ operation, policy, partition, cost }: QuotaRequest): Promise<QuotaResult> {
    const key =
      'key' in partition
        ? `:${policy.name}\u0000${partition.key}`
        : userQuotaKey(
            { ...partition, userRef: userRefOf(partition.userId) },
            { ...policy, by: partition.sessionId === undefined ? 'user' : 'session' },
          );
    return this.quotas.apply(operation, { key, policy, cost }, this.clock.now());
  }

  async ping(): Promise<void> {}

  /** The epoch of a user's record at this very moment, however old the record; for what is bound to it. @internal */
  epochOf(userId: string): number | undefined {
    return this.entryOf(userId)?.user.epoch;
  }

  /** Calls back in the same step when a user is erased, for what is kept elsewhere and goes with them. @internal */
  whenErased(listener: (userRef: string) => void): void {
    this.erasureListeners.push(listener);
  }

  async close(): Promise<void> {
    this.entries.clear();
    this.loads.clear();
    this.quotas.clear();
    this.ipLists.clear();
  }

  private announce(name: UserEventName, user: UserRecord, about: EventDetails = {}): void {
    const { id: userId, version, epoch } = user;
    this.events.announce({ name, userId, userRef: userRefOf(userId), version, epoch, ...about });
  }

  private announceChange(change: RecordChange, user: UserRecord, wasBlocked: boolean): void {
    if (change.block) this.announce('user.blocked', user);
    if (change.block === null && wasBlocked) this.announce('user.unblocked', user);
    if (change.roles) this.announce('user.roles_changed', user);
    if (change.ipAllowlist !== undefined) this.announce('user.ip_allowlist_changed', user);
  }

  private entryOf(userId: string): UserEntry | undefined {
    const entry = this.entries.get(userRefOf(userId));
    if (entry && entry.user.id !== userId) throw new Error('Two user ids have the same userRef');
    return entry;
  }

  private makeEntry(userId: string, change: RecordChange, now: number): UserEntry {
    const entry = new UserEntry(newUserRecord(userId, change, now), this.settings);
    this.entries.set(userRefOf(userId), entry);
    return entry;
  }
}

function userQuotaKey(
  { userRef, sessionId }: { readonly userRef: string; readonly sessionId?: string },
  { name, by }: UserQuota,
): string {
  return by === 'user' ? `${userRef}:${name}` : `${userRef}:${name}:${sessionId}`;
}

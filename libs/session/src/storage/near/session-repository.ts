import { randomBytes } from 'node:crypto';
import type { TokenLookup } from '../../model/decision.js';
import type { IpVerdict } from '../../model/ip-list.js';
import type { QuotaResult } from '../../model/quota.js';
import { SESSION_EVENTS, type SessionEvent } from '../../model/session-event.js';
import type { EndReason, Session } from '../../model/session.js';
import { HOLDER_BYTES } from '../../redis/records/lease-record.js';
import { admitsIp } from '../../rules/ip-ranges.js';
import { userRefOf } from '../../token/session-token.js';
import type { ChannelListener } from '../contract/event-channel.js';
import type { LeasedIpLists } from '../contract/ip-list-repository.js';
import type { SessionDataRepository } from '../contract/session-data-repository.js';
import type {
  CreateOutcome,
  LoadFirst,
  NewSession,
  QuotaRequest,
  RefreshOutcome,
  RefreshRequest,
  ReplaceOutcome,
  RequestDemand,
  RevokeAllOutcome,
  SessionRepository,
  TokenProof,
  TokenReplacement,
} from '../contract/session-repository.js';
import type { UserRepository } from '../contract/user-repository.js';
import { instant } from './instant.js';
import { NearIpLists } from './ip-lists.js';
import { type LeaseCalls, LeaseClient } from './lease-client.js';
import { LeaseTerm, LONGEST_LEASE_MS } from './lease-term.js';
import { type KnownLookup, NearCache, type NearCacheSettings } from './near-cache.js';
import { QuotaBatches, quotasByBatch } from './quota-batches.js';
import { NearUserRepository } from './user-repository.js';

/** How often a check is asked again when something is done to its user meanwhile; then its answer is not kept. */
const FILLS = 3;
const NO_QUOTAS: readonly QuotaResult[] = [];
const UNKNOWN_ORIGIN: IpVerdict = { clientIp: undefined, refusedRoles: [] };

/** What a process that keeps nothing has. */
const KEEPS_NOTHING: NearCacheSettings = { leaseMs: 0, maxEntries: 0 };

/** Storage whose acts wait for leases, and that answers checks from this process's memory as long as it has one. */
export class NearSessionRepository implements SessionRepository {
  readonly events: SessionRepository['events'];
  readonly nodes: SessionRepository['nodes'];
  readonly ipLists: NearIpLists;
  readonly replication?: NonNullable<SessionRepository['replication']>;
  readonly users: UserRepository;
  readonly data: SessionDataRepository;
  private readonly settings: NearCacheSettings;
  readonly leases: LeaseClient;
  private readonly cache: NearCache;
  private readonly batches: QuotaBatches;
  private readonly term: LeaseTerm;
  /** Checks on their way that others of the same token may wait for. */
  private readonly filling = new Map<
    string,
    { readonly proof: TokenProof; readonly done: Promise<unknown> }
  >();
  private sweeping: NodeJS.Timeout | undefined;
  private readonly listener: ChannelListener;

  constructor(
    private readonly inner: SessionRepository & { readonly ipLists: LeasedIpLists },
    calls: LeaseCalls & ConstructorParameters<typeof LeaseTerm>[0],
    given: NearCacheSettings | undefined,
  ) {
    const settings = given ?? KEEPS_NOTHING;
    this.settings = settings;
    const holder = randomBytes(HOLDER_BYTES).toString('latin1');
    this.cache = new NearCache(holder, settings);
    this.batches = new QuotaBatches(settings.maxEntries);
    this.term = new LeaseTerm(calls, given);
    this.leases = new LeaseClient(holder, this.term, this.cache, calls);
    this.events = inner.events;
    this.nodes = inner.nodes;
    if (inner.replication) this.replication = inner.replication;
    const lists = { leaseMs: settings.leaseMs, mayKeep: () => this.mayKeep };
    this.ipLists = new NearIpLists(inner.ipLists, calls, this.term, lists);
    // One call less on the way of every request.
    if (settings.maxEntries === 0) this.authenticate = (proof, demand) => inner.authenticate(proof, demand);
    this.users = new NearUserRepository(inner.users, this.leases);
    this.data = this.dataOf(inner.data);
    this.listener = {
      onEvent: (event) => this.onEvent(event),
      onRecall: (subject, holders) => {
        if (holders.includes(holder)) this.leases.giveBack(subject);
        this.ipLists.onRecall(subject, holders);
      },
    };
  }

  /** Begins to keep answers, if it is to, and to listen for recalls. */
  async start(): Promise<this> {
    const { leaseMs, maxEntries } = this.settings;
    if (maxEntries === 0) return this;
    this.sweeping = setInterval(() => this.cache.sweep(instant()), leaseMs).unref();
    await Promise.all([this.events.listen(this.listener), this.term.start()]);
    return this;
  }

  authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    if (!this.mayAnswer(demand)) return this.inner.authenticate(proof, demand);
    const found = this.find(proof, demand);
    return found ? Promise.resolve(found) : this.fill(proof, demand);
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const made = await this.inner.create(session);
    if (made.outcome === 'created' && made.evicted.length > 0)
      await this.leases.recallAll(userRefOf(session.userId));
    return made;
  }

  list(userId: string): Promise<Session[]> {
    return this.inner.list(userId);
  }

  async revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    const revoked = await this.inner.revoke(userId, sessionId, reason);
    await this.leases.recallAll(userRefOf(userId));
    return revoked;
  }

  sweep(userId: string): Promise<number> {
    return this.inner.sweep(userId);
  }

  async revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome> {
    const revoked = await this.inner.revokeAll(userId, except);
    if (revoked.outcome !== 'refused') await this.leases.recallAll(userRefOf(userId));
    return revoked;
  }

  async replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome> {
    const replaced = await this.inner.replaceToken(replacement);
    if (replaced.outcome === 'replaced') await this.leases.recallAll(replacement.proof.userRef);
    return replaced;
  }

  async refresh(request: RefreshRequest): Promise<RefreshOutcome | LoadFirst> {
    const refreshed = await this.inner.refresh(request);
    if ('kind' in refreshed) return refreshed;
    const { userRef } = request.proof;
    // The token of before is good for the grace, so leases may run out by themselves.
    if (refreshed.outcome === 'refreshed' && request.graceMs >= LONGEST_LEASE_MS)
      this.leases.announce(userRef);
    else if (refreshed.outcome === 'refreshed' || refreshed.outcome === 'reused')
      await this.leases.recallAll(userRef);
    return refreshed;
  }

  quota(request: QuotaRequest) {
    return this.inner.quota(request);
  }

  ping(): Promise<void> {
    return this.inner.ping();
  }

  close(): Promise<void> {
    clearInterval(this.sweeping);
    this.term.stop();
    this.events.unlisten(this.listener);
    this.cache.clear();
    this.batches.clear();
    return this.inner.close();
  }

  /** Data is asked of storage, and what is counted, unless it is by batches: a copy would miss what comes meanwhile. */
  private mayAnswer({ quotas, withData, isFresh }: RequestDemand): boolean {
    return withData !== true && isFresh !== true && quotas.every(({ batch }) => batch !== undefined);
  }

  /** The answer of memory; `undefined` where it is not permitted, or worth a write: storage answers that. */
  private find(
    proof: TokenProof,
    { touchIfRoles, quotas, ip = UNKNOWN_ORIGIN }: RequestDemand,
  ): TokenLookup | undefined {
    const at = instant();
    const entry = this.cache.find(proof, at);
    if (!entry || !admitsIp(ip, entry.lookup.user)) return undefined;
    const now = entry.lookup.now + Math.ceil(this.cache.ageOf(entry, at));
    if (now >= entry.endsAt || (now >= entry.touchDueAt && isActivity(touchIfRoles))) return undefined;
    if (quotas.length === 0) return copyOf(entry.lookup, now);
    const results = this.batches.take(proof, quotas);
    return results && copyOf(entry.lookup, now, results);
  }

  private async fill(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    const other = this.filling.get(proof.sessionId);
    if (other?.proof.tokenHash.equals(proof.tokenHash)) {
      await other.done;
      const found = this.find(proof, demand);
      if (found) return found;
    }
    for (let i = 0; i < FILLS && this.mayKeep && this.batches.isWorthAsking(proof, demand.quotas); i++) {
      const answer = await this.fillOnce(proof, demand);
      if (answer) return answer;
    }
    return this.inner.authenticate(proof, demand);
  }

  private get mayKeep(): boolean {
    return this.settings.maxEntries > 0 && this.events.isHearing && this.term.mayLease;
  }

  /** @returns `undefined` for an answer that is older than what was done meanwhile, or where a batch was refused */
  private async fillOnce(
    proof: TokenProof,
    demand: RequestDemand,
  ): Promise<TokenLookup | LoadFirst | undefined> {
    const fill = this.cache.begin(proof.userRef, instant());
    const quotas = quotasByBatch(demand.quotas);
    const asked = this.inner.authenticate(proof, { ...demand, quotas, lease: fill.lease });
    const done = asked.catch(() => undefined);
    const filling = { proof, done };
    this.filling.set(proof.sessionId, filling);
    let answer: TokenLookup | LoadFirst | undefined;
    try {
      answer = await asked;
    } finally {
      if (this.filling.get(proof.sessionId) === filling) this.filling.delete(proof.sessionId);
      this.cache.end(fill, proof, answer?.kind === 'known' ? answer : undefined);
    }
    if (answer.kind !== 'known') return fill.isOutdated ? undefined : answer;
    const results = answer.quotas.length > 0 && this.batches.put(proof, demand.quotas, answer.quotas);
    if (fill.isOutdated || results === undefined) return undefined;
    return copyOf(answer, answer.now, results || answer.quotas);
  }

  private onEvent(event: SessionEvent): void {
    this.ipLists.onEvent(event);
    if (event.name !== 'ip_list.changed' && SESSION_EVENTS[event.name].ends !== null)
      this.cache.invalidate(event.userRef);
  }

  private dataOf(inner: SessionDataRepository): SessionDataRepository {
    return {
      read: (proof) => inner.read(proof),
      write: (write) => inner.write(write),
      end: async (end) => {
        const ended = await inner.end(end);
        if (ended.outcome === 'ended') await this.leases.recallAll(end.proof.userRef);
        return ended;
      },
    };
  }
}

/** Whether the request may count as activity: not if it demands what nobody can have. */
function isActivity(touchIfRoles: RequestDemand['touchIfRoles']): boolean {
  return touchIfRoles.every((group) => group.length > 0);
}

/** What a handler does to its user or session must not change what is kept. */
function copyOf(
  { kind, status, session, user, ipAllowed, tokenEndsAt }: KnownLookup,
  now: number,
  quotas: readonly QuotaResult[] = NO_QUOTAS,
): TokenLookup {
  return {
    kind,
    status,
    ipAllowed,
    ...(tokenEndsAt === undefined ? {} : { tokenEndsAt }),
    session: { ...session, device: { ...session.device } },
    user: {
      ...user,
      roles: [...user.roles],
      ...(user.ipAllowlist ? { ipAllowlist: [...user.ipAllowlist] } : {}),
    },
    now,
    quotas,
  };
}

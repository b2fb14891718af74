import { randomBytes } from 'node:crypto';
import type { TokenLookup } from '../../model/decision.js';
import { SESSION_EVENTS, type SessionEvent } from '../../model/session-event.js';
import type { EndReason, Session } from '../../model/session.js';
import { HOLDER_BYTES } from '../../redis/records/lease-record.js';
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
import { NearChecks } from './checks.js';
import { instant } from './instant.js';
import { NearIpLists } from './ip-lists.js';
import { type LeaseCalls, LeaseClient } from './lease-client.js';
import { LeaseTerm, LONGEST_LEASE_MS } from './lease-term.js';
import { NearCache, type NearCacheSettings } from './near-cache.js';
import { NearUserRepository } from './user-repository.js';

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
  private readonly checks: NearChecks;
  private readonly term: LeaseTerm;
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
    this.term = new LeaseTerm(calls, given);
    this.leases = new LeaseClient(holder, this.term, this.cache, calls);
    this.events = inner.events;
    this.nodes = inner.nodes;
    if (inner.replication) this.replication = inner.replication;
    const near = { ...settings, mayKeep: () => this.mayKeep };
    this.ipLists = new NearIpLists(inner.ipLists, calls, this.term, near);
    this.checks = new NearChecks(inner, this.cache, near);
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
    if (maxEntries === 0) {
      void this.leases.meetServer();
      return this;
    }
    this.sweeping = setInterval(() => this.cache.sweep(instant()), leaseMs).unref();
    await Promise.all([this.events.listen(this.listener), this.term.start()]);
    void this.leases.meetServer();
    return this;
  }

  authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    return this.checks.authenticate(proof, demand);
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

  revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    return this.leases.act(
      () => this.inner.revoke(userId, sessionId, reason),
      () => userRefOf(userId),
    );
  }

  sweep(userId: string): Promise<number> {
    return this.inner.sweep(userId);
  }

  revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome> {
    return this.leases.act(
      () => this.inner.revokeAll(userId, except),
      ({ outcome }) => (outcome === 'refused' ? undefined : userRefOf(userId)),
    );
  }

  replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome> {
    return this.leases.act(
      () => this.inner.replaceToken(replacement),
      ({ outcome }) => (outcome === 'replaced' ? replacement.proof.userRef : undefined),
    );
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
    this.checks.clear();
    return this.inner.close();
  }

  private get mayKeep(): boolean {
    return this.settings.maxEntries > 0 && this.events.isHearing && this.term.mayLease;
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
      end: (end) =>
        this.leases.act(
          () => inner.end(end),
          ({ outcome }) => (outcome === 'ended' ? end.proof.userRef : undefined),
        ),
    };
  }
}

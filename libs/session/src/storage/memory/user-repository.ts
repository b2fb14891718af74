import type { Clock } from '../../basics/clock.js';
import type { UserEvent, UserEventName } from '../../model/session-event.js';
import type { UserState } from '../../model/user-state.js';
import { userRefOf } from '../../token/session-token.js';
import type { MemoryEventChannel } from './nodes.js';
import { UserEntry } from './user-entry.js';
import type { RecordChange, MemoryUser } from './user-record.js';
import {
  alters,
  applyChange,
  compareSource,
  newMemoryUser,
  onlyTightening,
  withoutPastBlock,
} from './user-record.js';
import type { RepositorySettings } from '../contract/session-repository.js';
import {
  type KeptOfUser,
  LOAD_TERM_MS,
  type LoadedUser,
  type UserChange,
  type UserChangeOutcome,
  type UserRepository,
} from '../contract/user-repository.js';

/** The oldest of more go: this process's memory is not for everybody who comes by. */
const MOST_GUESTS = 100_000;

type KeptBeside = Pick<KeptOfUser, 'quotas' | 'oneTimeTokens'>;
type EventDetails = Pick<UserEvent, 'sessionId' | 'devices'>;

/** The users in this process's memory, each with the sessions. No method awaits before it is done. */
export class MemoryUserRepository implements UserRepository {
  /** By userRef. Only users who have a record are in it: nothing that fails leaves a trace. */
  private readonly entries = new Map<string, UserEntry>();
  /** By userRef, of guests: when all of it goes. In the order in which they came, which is that of their ends. */
  private readonly guestEnds = new Map<string, number>();
  private readonly loads = new PendingLoads();
  private readonly erasureListeners: ((userRef: string) => void)[] = [];
  private readonly tellers: ((userRef: string) => Partial<KeptBeside>)[] = [];

  constructor(
    private readonly settings: RepositorySettings,
    private readonly clock: Clock,
    private readonly events: MemoryEventChannel,
  ) {}

  async read(userId: string): Promise<UserState | undefined> {
    const now = this.clock.now();
    const entry = this.entryOf(userId);
    return entry && !entry.isTooOld(now) ? entry.showUser(now) : undefined;
  }

  async change(change: UserChange): Promise<UserChangeOutcome> {
    const now = this.clock.now();
    const { userId, ifVersion, sourceVersion } = change;
    const wanted = withoutPastBlock(change, now);
    const entry = this.entryOf(userId);
    if (!entry) {
      if (typeof ifVersion === 'number') return { outcome: 'version_conflict' };
      this.loads.makeVoid(userRefOf(userId));
      return { outcome: 'changed', user: this.make(userId, wanted, now).showUser(now), sessions: 0 };
    }
    if (ifVersion === 'absent') return { outcome: 'version_conflict', user: entry.showUser(now) };
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

  async export(userId: string): Promise<KeptOfUser> {
    const now = this.clock.now();
    const entry = this.entryOf(userId);
    const beside: KeptBeside = { quotas: [], oneTimeTokens: [] };
    for (const tell of this.tellers) Object.assign(beside, tell(userRefOf(userId)));
    if (!entry) return { sessions: [], ...beside };
    return { user: entry.showUser(now), sessions: entry.kept(now), ...beside };
  }

  async erase(userId: string): Promise<number> {
    const entry = this.entryOf(userId);
    const live = entry?.live(this.clock.now()).length ?? 0;
    if (entry) this.announce('user.erased', entry.user);
    this.forgetGuest(userRefOf(userId));
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
      this.make(userId, change, now);
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

  find(userRef: string): UserEntry | undefined {
    const endsAt = this.guestEnds.get(userRef);
    if (endsAt !== undefined && this.clock.now() > endsAt) this.forgetGuest(userRef);
    return this.entries.get(userRef);
  }

  entryOf(userId: string): UserEntry | undefined {
    const entry = this.find(userRefOf(userId));
    if (entry && entry.user.id !== userId) throw new Error('Two user ids have the same userRef');
    return entry;
  }

  make(userId: string, change: RecordChange, now: number): UserEntry {
    const entry = new UserEntry(newMemoryUser(userId, change, now), this.settings);
    this.entries.set(userRefOf(userId), entry);
    return entry;
  }

  /** A record that no `UserDirectory` knows, and that goes by itself. */
  makeGuest(userId: string, now: number, forMs: number): UserEntry {
    for (const [userRef, endsAt] of this.guestEnds) {
      if (now <= endsAt && this.guestEnds.size < MOST_GUESTS) break;
      this.forgetGuest(userRef);
    }
    const entry = this.make(userId, {}, now);
    entry.user.loadedAt = Infinity;
    this.guestEnds.set(userRefOf(userId), now + forMs);
    return entry;
  }

  private forgetGuest(userRef: string): void {
    this.guestEnds.delete(userRef);
    this.entries.delete(userRef);
  }

  announce(name: UserEventName, user: MemoryUser, about: EventDetails = {}): void {
    const { id: userId, version, epoch } = user;
    this.events.announce({ name, userId, userRef: userRefOf(userId), version, epoch, ...about });
  }

  /** The epoch of a user's record at this very moment, however old the record; for what is bound to it. */
  epochOf(userId: string): number | undefined {
    return this.entryOf(userId)?.user.epoch;
  }

  /** Calls back in the same step when a user is erased, for what is kept elsewhere and goes with them. */
  whenErased(listener: (userRef: string) => void): void {
    this.erasureListeners.push(listener);
  }

  /** Calls for what is kept of a user elsewhere, when all of it is to be told. */
  whenExported(teller: (userRef: string) => Partial<KeptBeside>): void {
    this.tellers.push(teller);
  }

  clear(): void {
    this.entries.clear();
    this.guestEnds.clear();
    this.loads.clear();
  }

  private announceChange(change: RecordChange, user: MemoryUser, wasBlocked: boolean): void {
    if (change.block) this.announce('user.blocked', user);
    if (change.block === null && wasBlocked) this.announce('user.unblocked', user);
    if (change.roles) this.announce('user.roles_changed', user);
    if (change.ipAllowlist !== undefined) this.announce('user.ip_allowlist_changed', user);
  }
}

/** The loads from the `UserDirectory` that are under way: the nonce of each user, for 30 seconds. */
class PendingLoads {
  /** In the order in which they run out: all have the same term, and each begins at the end. */
  private readonly loads = new Map<string, { readonly nonce: string; readonly until: number }>();

  /** @returns the nonce that stands: another one where a load was under way already */
  begin(userRef: string, nonce: string, now: number): string {
    this.forgetPassed(now);
    const underWay = this.loads.get(userRef);
    if (underWay) return underWay.nonce;
    this.loads.set(userRef, { nonce, until: now + LOAD_TERM_MS });
    return nonce;
  }

  /** Ends the load. @returns whether it was still under way with this nonce */
  finish(userRef: string, nonce: string, now: number): boolean {
    const load = this.loads.get(userRef);
    if (load?.nonce !== nonce || now >= load.until) return false;
    return this.loads.delete(userRef);
  }

  makeVoid(userRef: string): void {
    this.loads.delete(userRef);
  }

  clear(): void {
    this.loads.clear();
  }

  get size(): number {
    return this.loads.size;
  }

  /** Loads of users whom nobody knows are never finished; without this they would pile up. */
  private forgetPassed(now: number): void {
    for (const [userRef, load] of this.loads) {
      if (now < load.until) return;
      this.loads.delete(userRef);
    }
  }
}

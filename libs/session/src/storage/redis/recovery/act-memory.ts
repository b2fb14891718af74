import type { EndReason } from '../../../model/session.js';
import type { UserState } from '../../../model/user-state.js';

/** Snapshots may be an hour apart, as Redis comes. */
const REMEMBER_MS = 3_600_000;
const MOST = 2_000;
/** Each may have thousands of ranges. */
const MOST_LISTS = 50;

/** What a user's record holds since an act. Roles, block and allowlist are absent where the act did not tell them. */
export type RememberedUser = Pick<UserState, 'id' | 'version' | 'epoch'> & { readonly whole?: UserState };

export interface RememberedEnd {
  readonly userId: string;
  readonly sessionId: string;
  readonly reason: EndReason;
}

export interface RememberedErasure {
  readonly userId: string;
  /** Records of this version and above are of somebody who was made since. */
  readonly madeBefore: number;
}

export interface RememberedList {
  readonly name: string;
  readonly version: number;
  /** Parted by spaces. */
  readonly ranges: string;
}

/** The acts of this process that a Redis which comes back with older data would not know: the newest of the last hour. */
export class ActMemory {
  private readonly users = new Recent<RememberedUser>(MOST);
  private readonly ends = new Recent<RememberedEnd>(MOST);
  private readonly erasures = new Recent<RememberedErasure>(MOST);
  private readonly lists = new Recent<RememberedList>(MOST_LISTS);

  changed(user: RememberedUser): void {
    const known = this.users.get(user.id);
    if (known && known.version > user.version) return;
    const { whole } = known ?? {};
    // An act that ended sessions alone tells nothing of the rest, which keeps the version of the act that told it.
    this.users.put(user.id, whole && !user.whole ? { ...user, whole } : user);
  }

  erased(erasure: RememberedErasure): void {
    const known = this.users.get(erasure.userId);
    if (known && known.version < erasure.madeBefore) this.users.delete(erasure.userId);
    this.erasures.put(erasure.userId, erasure);
  }

  ended(end: RememberedEnd): void {
    this.ends.put(end.sessionId, end);
  }

  listChanged(list: RememberedList): void {
    if ((this.lists.get(list.name)?.version ?? 0) < list.version) this.lists.put(list.name, list);
  }

  get changedUsers(): RememberedUser[] {
    return this.users.all();
  }

  get endedSessions(): RememberedEnd[] {
    return this.ends.all();
  }

  get erasedUsers(): RememberedErasure[] {
    return this.erasures.all();
  }

  get changedLists(): RememberedList[] {
    return this.lists.all();
  }
}

/** The newest of what was put here. */
class Recent<T> {
  private readonly byKey = new Map<string, { readonly value: T; readonly at: number }>();

  constructor(private readonly most: number) {}

  get(key: string): T | undefined {
    return this.byKey.get(key)?.value;
  }

  put(key: string, value: T): void {
    this.byKey.delete(key);
    this.byKey.set(key, { value, at: performance.now() });
    this.trim();
  }

  delete(key: string): void {
    this.byKey.delete(key);
  }

  all(): T[] {
    this.trim();
    return [...this.byKey.values()].map(({ value }) => value);
  }

  private trim(): void {
    const oldest = performance.now() - REMEMBER_MS;
    for (const [key, { at }] of this.byKey) {
      if (at >= oldest && this.byKey.size <= this.most) return;
      this.byKey.delete(key);
    }
  }
}

import { randomUUID } from 'node:crypto';
import { withDeadline } from '../../basics/deadline.js';
import { SessionError } from '../../model/session-error.js';
import type { UserDirectory, UserState } from '../../model/user-state.js';
import type { UserRepository } from '../../storage/contract/user-repository.js';
import { checkedBlock, checkedList, checkedRoles, checkedVersion } from './checks.js';

const LOAD_ATTEMPTS = 5;
/** So many questions at once, to a database that all nodes ask; the others wait for their turn, as long as for an answer. */
const MOST_AT_ONCE = 32;
const MOST_WAITING = 1_000;

/** Lets in so many at once; the others in the order in which they came. */
class Turns {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  /** @returns `undefined`: at once. Rejects where too many wait */
  take(): Promise<void> | undefined {
    if (this.taken < MOST_AT_ONCE) {
      this.taken++;
      return undefined;
    }
    if (this.waiting.length >= MOST_WAITING) return Promise.reject(new Error('Too many users to load'));
    return new Promise((go) => this.waiting.push(go));
  }

  give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken--;
  }
}

/** Fetches users from the app's own database: one question at a time per user. */
export class DirectoryLoad {
  private readonly loads = new Map<string, Promise<UserState | undefined>>();
  private readonly turns = new Turns();

  constructor(
    private readonly users: UserRepository,
    private readonly directory: UserDirectory,
    private readonly timeoutMs: number,
  ) {}

  /** Stores the answer unless something newer came in between. @returns `undefined` for an unknown user */
  load(userId: string): Promise<UserState | undefined> {
    const underWay = this.loads.get(userId);
    if (underWay) return underWay;
    const load = this.loadInTurn(userId).finally(() => this.loads.delete(userId));
    this.loads.set(userId, load);
    return load;
  }

  /** After a restart of Redis, all users are to be loaded again: the database is asked about some at a time. */
  private async loadInTurn(userId: string): Promise<UserState | undefined> {
    const turn = this.turns.take();
    try {
      if (turn) await withDeadline(turn, this.timeoutMs, 'The user directory');
    } catch (cause) {
      void turn?.then(
        () => this.turns.give(),
        () => undefined,
      ); // it may yet come
      throw new SessionError('session_store_unavailable', { cause });
    }
    try {
      return await this.loadOnce(userId);
    } finally {
      this.turns.give();
    }
  }

  private async loadOnce(userId: string): Promise<UserState | undefined> {
    for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
      const nonce = await this.users.beginLoad(userId, randomUUID());
      const loaded = await this.askDirectory(userId);
      if (!loaded) return undefined;
      await this.users.finishLoad({ ...loaded, userId }, nonce);
      // Also when that load was void: another node may have finished it, or a push brought something newer.
      const user = await this.users.read(userId);
      if (user) return user;
    }
    throw new SessionError('session_store_unavailable');
  }

  private async askDirectory(userId: string) {
    try {
      const user = await withDeadline(this.directory.load(userId), this.timeoutMs, 'The user directory');
      if (!user) return undefined;
      return {
        roles: checkedRoles(user.roles),
        ...(user.block ? { block: checkedBlock(user.block) } : {}),
        ...(user.ipAllowlist === undefined ? {} : { ipAllowlist: checkedList(user.ipAllowlist) }),
        ...(user.version === undefined ? {} : { sourceVersion: checkedVersion(user.version) }),
      };
    } catch (cause) {
      throw new SessionError('session_store_unavailable', { cause });
    }
  }
}

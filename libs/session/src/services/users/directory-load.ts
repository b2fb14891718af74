import { randomUUID } from 'node:crypto';
import { withDeadline } from '../../basics/deadline.js';
import { SessionError } from '../../model/session-error.js';
import type { UserDirectory, UserState } from '../../model/user-state.js';
import type { UserRepository } from '../../storage/contract/user-repository.js';
import { checkedBlock, checkedList, checkedRoles, checkedVersion } from './checks.js';

const LOAD_ATTEMPTS = 5;

/** Fetches users from the app's own database: one question at a time per user. */
export class DirectoryLoad {
  private readonly loads = new Map<string, Promise<UserState | undefined>>();

  constructor(
    private readonly users: UserRepository,
    private readonly directory: UserDirectory,
    private readonly timeoutMs: number,
  ) {}

  /** Stores the answer unless something newer came in between. @returns `undefined` for an unknown user */
  load(userId: string): Promise<UserState | undefined> {
    const underWay = this.loads.get(userId);
    if (underWay) return underWay;
    const load = this.loadOnce(userId).finally(() => this.loads.delete(userId));
    this.loads.set(userId, load);
    return load;
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

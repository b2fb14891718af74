import type { UserState } from '../../model/user-state.js';
import { userRefOf } from '../../token/session-token.js';
import type {
  KeptOfUser,
  LoadedUser,
  UserChange,
  UserChangeOutcome,
  UserRepository,
} from '../contract/user-repository.js';
import type { LeaseClient } from './lease-client.js';

/** The records of users, whose changes wait for the leases of near caches. */
export class NearUserRepository implements UserRepository {
  constructor(
    private readonly inner: UserRepository,
    private readonly leases: Pick<LeaseClient, 'act' | 'announce'>,
  ) {}

  read(userId: string): Promise<UserState | undefined> {
    return this.inner.read(userId);
  }

  change(change: UserChange): Promise<UserChangeOutcome> {
    return this.leases.act(
      () => this.inner.change(change),
      // A record that has to be made may have been lost, and what is kept of it not.
      ({ outcome }) => (outcome === 'changed' && !change.isInitial ? userRefOf(change.userId) : undefined),
    );
  }

  export(userId: string): Promise<KeptOfUser> {
    return this.inner.export(userId);
  }

  erase(userId: string): Promise<number> {
    return this.leases.act(
      () => this.inner.erase(userId),
      () => userRefOf(userId),
    );
  }

  beginLoad(userId: string, nonce: string): Promise<string> {
    return this.inner.beginLoad(userId, nonce);
  }

  async finishLoad(loaded: LoadedUser, nonce: string): Promise<boolean> {
    const isStored = await this.inner.finishLoad(loaded, nonce);
    // It is no act: no answer is kept for longer than the record that it came from may be believed.
    if (isStored) this.leases.announce(userRefOf(loaded.userId));
    return isStored;
  }
}

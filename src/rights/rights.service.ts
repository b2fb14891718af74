import { Injectable } from '@nestjs/common';
import { UserStateService } from '@latchkey/session';
import type { UserExport } from '@latchkey/session/users';
import { Retirements } from '../moderation/retirements.service.js';
import { PostRepository, type PostsOfUser } from '../posts/post-repository.js';
import type { Account } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

const MOST_POSTS = 1_000;

interface Kept {
  readonly account: Account;
  readonly email: string | undefined;
  readonly library: UserExport;
  readonly posts: PostsOfUser;
}

/** What a person may ask of whoever keeps data about them: to see it (GDPR Art. 15), and to have it erased (Art. 17). */
@Injectable()
export class RightsService {
  constructor(
    private readonly users: UsersService,
    private readonly states: UserStateService,
    private readonly posts: PostRepository,
    private readonly retirements: Retirements,
  ) {}

  /** Everything that is kept about somebody. */
  async export(userId: string): Promise<Kept> {
    const account = await this.users.require(userId);
    const [email, library, posts] = await Promise.all([
      this.users.findEmail(userId),
      this.states.export(userId),
      this.posts.of(userId, MOST_POSTS),
    ]);
    return { account, email, library, posts };
  }

  /**
   * Erases somebody in four steps, which cannot be one: accounts, posts and user states are not kept in one place. Their
   * order leaves nothing half done that anybody could use, and each may be repeated: until the last one the session goes
   * on, so that the person can ask again after a 503.
   *
   * 1. They are noted to be leaving (see `Retirements`).
   * 2. Posts and likes go, and none can come any more.
   * 3. The account goes: nobody logs in. A login that is under way has read the epoch, and fails after 4.
   * 4. The user state goes, with every session, on every node.
   * @throws Problem `conflict` as `Retirements.begin` does: then nothing has changed
   */
  async erase(userId: string): Promise<void> {
    await this.retirements.begin(userId);
    await this.posts.erase(userId);
    await this.users.remove(userId);
    await this.states.erase(userId);
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { SessionError, type UserState, UserStateService } from '@latchkey/session';
import { Problem } from '../problem/problem.js';
import { type Account, isUserId, newDemoUserId, newUserId } from './account.js';
import { type AccountPage, AccountRepository } from './account-repository.js';
import { toLostUserDto, toUserDto, type UserDto } from './user.dto.js';

interface NewAccount {
  /** In its normal form. */
  readonly username: string;
  readonly passwordHash: string;
  readonly roles: readonly string[];
  /** Default false. */
  readonly demo?: boolean;
}

/** Accounts, and the library's user state of the people behind them. */
@Injectable()
export class UsersService {
  private readonly logger = new Logger(UsersService.name);

  constructor(
    private readonly accounts: AccountRepository,
    private readonly states: UserStateService,
  ) {}

  /**
   * Makes an account. Its user state comes first, so that there is never an account without one: a crash in between
   * leaves a state that nobody can reach.
   * @returns `undefined` when the user name is taken
   */
  async create({ username, passwordHash, roles, demo = false }: NewAccount): Promise<Account | undefined> {
    const id = demo ? newDemoUserId() : newUserId();
    const account: Account = { id, username, passwordHash, createdAt: Date.now() };
    await this.states.ensure(account.id, { roles });
    if (await this.accounts.create(account)) return account;
    await this.states.erase(account.id);
    return undefined;
  }

  /** @param id anything that a client may have sent */
  async find(id: string): Promise<Account | undefined> {
    return isUserId(id) ? this.accounts.findById(id) : undefined;
  }

  /**
   * The account behind a session or a path.
   * @throws Problem `not_found`
   */
  async require(id: string): Promise<Account> {
    const account = await this.find(id);
    if (!account) throw new Problem('not_found', 'There is no such user');
    return account;
  }

  /** @param username in its normal form */
  findByUsername(username: string): Promise<Account | undefined> {
    return this.accounts.findByUsername(username);
  }

  list(page: AccountPage): Promise<Account[] | undefined> {
    return this.accounts.list(page);
  }

  replacePasswordHash(id: string, change: { readonly from: string; readonly to: string }): Promise<boolean> {
    return this.accounts.replacePasswordHash(id, change);
  }

  setEmail(id: string, email: string): Promise<void> {
    return this.accounts.setEmail(id, email);
  }

  /** Forgets the account, so that nobody can log in or act as it any more. Its user state is not touched. */
  remove(id: string): Promise<void> {
    return this.accounts.remove(id);
  }

  /** The address that was proven to be this account's. */
  findEmail(id: string): Promise<string | undefined> {
    return this.accounts.findEmail(id);
  }

  /**
   * The user state of an account. An account without one was lost in part, its blocks perhaps among that: it is
   * refused until an admin sets its roles again.
   * @throws SessionError `session_store_unavailable` when there is none
   */
  async stateOf(account: Account): Promise<UserState> {
    const state = await this.states.get(account.id);
    if (state) return state;
    this.logger.error(`The user state of account ${account.id} is lost: an admin must set its roles again`);
    throw new SessionError('session_store_unavailable');
  }

  /** The account as clients see it, with the user state of this moment. */
  async describe(account: Account): Promise<UserDto> {
    const state = await this.states.get(account.id);
    return state ? toUserDto(account, state) : toLostUserDto(account);
  }
}

import type { Account } from './account.js';

/**
 * Where accounts are kept. Each method is one atomic step; those over Redis reject with `session_store_unavailable`.
 * A class, so that it serves as its own injection key.
 */
export abstract class AccountRepository {
  /** @returns false when the user name is taken; then nothing was stored */
  abstract create(account: Account): Promise<boolean>;
  abstract findById(id: string): Promise<Account | undefined>;
  /** @param username in its normal form */
  abstract findByUsername(username: string): Promise<Account | undefined>;
  /**
   * The accounts that were made before the one named, newest first.
   * @returns `undefined` when `before` names no account
   */
  abstract list(page: AccountPage): Promise<Account[] | undefined>;
  /** Stores a new password hash if the old one still stands. @returns whether it did */
  abstract replacePasswordHash(id: string, change: PasswordHashChange): Promise<boolean>;
  /** Stores an address that was proven to be this account's, in the place of an older one; nothing for an account that is gone. */
  abstract setEmail(id: string, email: string): Promise<void>;
  abstract findEmail(id: string): Promise<string | undefined>;
  /** Forgets an account, its name and its address. The name may be taken anew. */
  abstract remove(id: string): Promise<void>;
}

export interface AccountPage {
  readonly limit: number;
  readonly before?: string;
}

export interface PasswordHashChange {
  readonly from: string;
  readonly to: string;
}

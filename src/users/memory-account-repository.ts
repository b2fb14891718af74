import type { Account } from './account.js';
import { type AccountPage, AccountRepository, type PasswordHashChange } from './account-repository.js';

/** Accounts in this process's memory. */
export class MemoryAccountRepository extends AccountRepository {
  /** In the order in which they were made. */
  private readonly accounts = new Map<string, Account>();
  private readonly idsByUsername = new Map<string, string>();
  private readonly emails = new Map<string, string>();

  async create(account: Account): Promise<boolean> {
    if (this.idsByUsername.has(account.username)) return false;
    this.idsByUsername.set(account.username, account.id);
    this.accounts.set(account.id, account);
    return true;
  }

  async findById(id: string): Promise<Account | undefined> {
    return this.accounts.get(id);
  }

  async findByUsername(username: string): Promise<Account | undefined> {
    const id = this.idsByUsername.get(username);
    return id === undefined ? undefined : this.accounts.get(id);
  }

  async list({ limit, before }: AccountPage): Promise<Account[] | undefined> {
    if (before !== undefined && !this.accounts.has(before)) return undefined;
    const newestFirst = [...this.accounts.values()].toReversed();
    const start = before === undefined ? 0 : newestFirst.findIndex(({ id }) => id === before) + 1;
    return newestFirst.slice(start, start + limit);
  }

  async replacePasswordHash(id: string, { from, to }: PasswordHashChange): Promise<boolean> {
    const account = this.accounts.get(id);
    if (account?.passwordHash !== from) return false;
    this.accounts.set(id, { ...account, passwordHash: to });
    return true;
  }

  async setEmail(id: string, email: string): Promise<void> {
    if (this.accounts.has(id)) this.emails.set(id, email);
  }

  async findEmail(id: string): Promise<string | undefined> {
    return this.emails.get(id);
  }

  async remove(id: string): Promise<void> {
    const account = this.accounts.get(id);
    if (account) this.idsByUsername.delete(account.username);
    this.accounts.delete(id);
    this.emails.delete(id);
  }
}

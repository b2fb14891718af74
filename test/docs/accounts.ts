import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const hashOf = promisify(scrypt) as (password: string, salt: Buffer, bytes: number) => Promise<Buffer>;

/** What the README's quick start takes from the app that it is written into. */
export interface Account {
  readonly id: string;
  readonly roles: string[];
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** What a name that nobody has is checked against: no password has this hash. */
export const NOBODY: Account = { id: 'nobody', roles: [], salt: randomBytes(16), hash: randomBytes(32) };

const accounts = new Map<string, Account>();

export async function addAccount(
  username: string,
  { password, ...account }: Pick<Account, 'id' | 'roles'> & { readonly password: string },
): Promise<void> {
  const salt = randomBytes(16);
  accounts.set(username, { ...account, salt, hash: await hashOf(password, salt, 32) });
}

export function findAccount(username: string): Account | undefined {
  return accounts.get(username);
}

export async function passwordMatches({ salt, hash }: Account, password: string): Promise<boolean> {
  return timingSafeEqual(await hashOf(password, salt, 32), hash);
}

import { timingSafeEqual } from 'node:crypto';
import { UnauthorizedException } from '@nestjs/common';

/** What the README's quick start takes from the app that it is written into. */
export interface Account {
  readonly id: string;
  readonly roles: string[];
  readonly password: string;
}

export class Credentials {
  username!: string;
  password!: string;
}

const ACCOUNTS: Readonly<Record<string, Account>> = {
  ada: { id: '1', roles: ['user'], password: 'engine-no-1' },
  mia: { id: '2', roles: ['moderator'], password: 'be-kind-now' },
};

export function findAccount(username: string): Account {
  const account = ACCOUNTS[username];
  if (!account) throw new UnauthorizedException();
  return account;
}

export async function passwordMatches(account: Account, password: string): Promise<boolean> {
  return timingSafeEqual(Buffer.from(account.password.padEnd(64)), Buffer.from(password.padEnd(64)));
}

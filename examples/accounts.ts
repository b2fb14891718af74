// The users of the migrations, as both versions have them: in the app's database, which here is Redis.
import { timingSafeEqual } from 'node:crypto';
import { Module, UnauthorizedException } from '@nestjs/common';
import { Redis } from 'ioredis';

export interface Account {
  readonly id: string;
  readonly roles: string[];
  readonly isBlocked: boolean;
  /** Grows with each change. */
  readonly version: number;
}

const ADMINS = new Set(['eve', 'mia']);

export class Accounts {
  constructor(readonly redis: Redis) {}

  async find(id: unknown): Promise<Account | undefined> {
    if (typeof id !== 'string' || !/^[a-z]{3,20}$/.test(id)) return undefined; // everybody else has an account
    const stored = await this.redis.hgetall(`account:${id}`);
    return {
      id,
      roles: (stored['roles'] ?? (ADMINS.has(id) ? 'admin' : 'user')).split(',').filter(Boolean),
      isBlocked: stored['blocked'] === '1',
      version: Number(stored['version'] ?? 0),
    };
  }

  /** `ada`'s password is `ada-password`. A real app checks hashes. */
  async verify(username: unknown, password: unknown): Promise<Account> {
    if (typeof username !== 'string' || typeof password !== 'string') throw new UnauthorizedException();
    const [right, given] = [Buffer.from(`${username}-password`), Buffer.from(password)];
    const isRight = right.length === given.length && timingSafeEqual(right, given);
    const account = isRight ? await this.find(username) : undefined;
    if (!account) throw new UnauthorizedException();
    return account;
  }

  /** For Latchkey: a `UserDirectory`. Blocks and roles of the old version come from here. */
  async load(id: string) {
    const account = await this.find(id);
    if (!account) return undefined;
    const { roles, version, isBlocked } = account;
    return { roles, version, ...(isBlocked ? { block: { reason: 'blocked' } } : {}) };
  }

  async change(id: string, change: { blocked?: '0' | '1'; roles?: string }): Promise<number> {
    const [, version] = (await this.redis
      .multi()
      .hset(`account:${id}`, change)
      .hincrby(`account:${id}`, 'version', 1)
      .exec()) as [unknown, [null, number]];
    return version[1];
  }

  async onApplicationShutdown(): Promise<void> {
    await this.redis.quit();
  }
}

export const redisUrl = () => process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const useFactory = () => new Accounts(new Redis(redisUrl()));

@Module({ providers: [{ provide: Accounts, useFactory }], exports: [Accounts] })
export class AccountsModule {}

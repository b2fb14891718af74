import { Module } from '@nestjs/common';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';
import { AccountRepository } from './account-repository.js';
import { DemoAccounts } from './demo-accounts.js';
import { MemoryAccountRepository } from './memory-account-repository.js';
import { RedisAccountRepository } from './redis-account-repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [PasswordsModule],
  providers: [
    {
      provide: AccountRepository,
      inject: [{ token: REDIS_STORE, optional: true }],
      useFactory: (store?: RedisStore) =>
        store ? new RedisAccountRepository(store) : new MemoryAccountRepository(),
    },
    UsersService,
    DemoAccounts,
  ],
  exports: [UsersService],
})
export class UsersModule {}

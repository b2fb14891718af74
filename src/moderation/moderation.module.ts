import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';
import { UsersModule } from '../users/users.module.js';
import { ActsService } from './acts.service.js';
import { AdminWithdrawals, MemoryAdminWithdrawals } from './admin-withdrawals.js';
import { ModerationController } from './moderation.controller.js';
import { RankGuard } from './rank.guard.js';
import { RedisAdminWithdrawals } from './redis-admin-withdrawals.js';
import { Retirements } from './retirements.service.js';

@Module({
  imports: [UsersModule, AuditModule],
  controllers: [ModerationController],
  providers: [
    {
      provide: AdminWithdrawals,
      inject: [{ token: REDIS_STORE, optional: true }],
      useFactory: (store?: RedisStore) =>
        store ? new RedisAdminWithdrawals(store) : new MemoryAdminWithdrawals(),
    },
    ActsService,
    RankGuard,
    Retirements,
  ],
  exports: [ActsService, RankGuard, Retirements],
})
export class ModerationModule {}

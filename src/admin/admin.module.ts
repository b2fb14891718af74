import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ModerationModule } from '../moderation/moderation.module.js';
import { AdminController } from './admin.controller.js';
import { AdminList } from './admin-list.js';
import { IpAllowlistController } from './ip-allowlist.controller.js';
import { IpListActs } from './ip-list-acts.service.js';

@Module({
  imports: [ModerationModule, AuditModule],
  controllers: [AdminController, IpAllowlistController],
  providers: [AdminList, IpListActs],
})
export class AdminModule {}

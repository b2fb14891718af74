import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ModerationModule } from '../moderation/moderation.module.js';
import { AdminController } from './admin.controller.js';

@Module({ imports: [ModerationModule, AuditModule], controllers: [AdminController] })
export class AdminModule {}

import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { ModerationModule } from '../moderation/moderation.module.js';
import { PostsModule } from '../posts/posts.module.js';
import { UsersModule } from '../users/users.module.js';
import { RightsController } from './rights.controller.js';
import { RightsService } from './rights.service.js';

@Module({
  imports: [UsersModule, AuditModule, AuthModule, ModerationModule, PostsModule],
  controllers: [RightsController],
  providers: [RightsService],
})
export class RightsModule {}

import { Module } from '@nestjs/common';
import { PostsModule } from '../posts/posts.module.js';
import { UsersModule } from '../users/users.module.js';
import { EventsController } from './events.controller.js';
import { MissedPosts } from './missed-posts.js';
import { TimelineGateway } from './timeline.gateway.js';
import { TimelineModule } from './timeline.module.js';

@Module({
  imports: [TimelineModule, PostsModule, UsersModule],
  controllers: [EventsController],
  providers: [TimelineGateway, MissedPosts],
})
export class LiveModule {}

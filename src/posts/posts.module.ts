import { Module } from '@nestjs/common';
import { TimelineModule } from '../live/timeline.module.js';
import { REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';
import { UsersModule } from '../users/users.module.js';
import { MemoryPostRepository } from './memory-post-repository.js';
import { PostRepository } from './post-repository.js';
import { PostsController } from './posts.controller.js';
import { RedisPostRepository } from './redis-post-repository.js';

@Module({
  imports: [UsersModule, TimelineModule],
  controllers: [PostsController],
  providers: [
    {
      provide: PostRepository,
      inject: [{ token: REDIS_STORE, optional: true }],
      useFactory: (store?: RedisStore) =>
        store ? new RedisPostRepository(store) : new MemoryPostRepository(),
    },
  ],
  exports: [PostRepository],
})
export class PostsModule {}

import { Module } from '@nestjs/common';
import type { RedisClient } from '../redis/open-redis.js';
import { REDIS_CLIENT, REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';
import { RedisTimeline } from './redis-timeline.js';
import { MemoryTimeline, Timeline } from './timeline.js';

/** What is new, for those who write it and those who show it. */
@Module({
  providers: [
    {
      provide: Timeline,
      inject: [
        { token: REDIS_STORE, optional: true },
        { token: REDIS_CLIENT, optional: true },
      ],
      useFactory: (store?: RedisStore, client?: RedisClient) =>
        store && client ? new RedisTimeline(store, client) : new MemoryTimeline(),
    },
  ],
  exports: [Timeline],
})
export class TimelineModule {}

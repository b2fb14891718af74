import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';

/** What was built, with one limit per user by @nestjs/throttler on Redis behind its guard, as teams have both. */
export function withThrottler(built, { redisUrl }) {
  const throttler = ThrottlerModule.forRoot({
    throttlers: [{ name: 'default', ttl: 60_000, limit: 1_000_000 }],
    storage: new ThrottlerStorageRedisService(redisUrl),
    getTracker: (request) => request.user.id,
  });
  return {
    ...built,
    imports: [...(built.imports ?? []), throttler],
    guards: [...(built.guards ?? []), ThrottlerGuard],
  };
}

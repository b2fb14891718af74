import { NestFactory } from '@nestjs/core';
import { SessionModule, SessionService, UserStateService } from '../apps/library.mjs';
import { makeModule } from '../apps/nest.mjs';

/** The library's services on a Redis, in this process. */
export async function libraryOn(redis, options = {}) {
  const settings = { commandTimeoutMs: 10_000, ...options, redis: redis.url };
  const module = makeModule({ imports: [SessionModule.forRoot(settings)] });
  const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
  return { users: app.get(UserStateService), sessions: app.get(SessionService), close: () => app.close() };
}

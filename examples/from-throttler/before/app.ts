// Before: @nestjs/throttler with a Redis storage; with `STORAGE=latchkey`, the same app on RedisThrottlerStorage.
import { Controller, Get, HttpCode, type INestApplication, Module, Post } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import { MESSAGES, SEARCHES, trustProxy, WINDOW_MS } from '../limits.js';
import { FixedWindows } from './fixed-windows.js';

@Controller()
class AppController {
  @Get('search')
  search() {
    return { found: [] };
  }

  @Throttle({ default: { limit: MESSAGES, ttl: WINDOW_MS } })
  @Post('messages')
  @HttpCode(202)
  send() {
    return {};
  }

  @SkipThrottle()
  @Get('health')
  health() {
    return { status: 'ok' };
  }
}

function openStorage(redis = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379') {
  const commandTimeoutMs = Number(process.env['REDIS_TIMEOUT_MS'] ?? 250);
  // The first step is this line.
  if (process.env['STORAGE'] === 'latchkey') return new RedisThrottlerStorage({ redis, commandTimeoutMs });
  return new FixedWindows(redis);
}

@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      useFactory: () => ({ throttlers: [{ ttl: WINDOW_MS, limit: SEARCHES }], storage: openStorage() }),
    }),
  ],
  controllers: [AppController],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error', 'warn'] });
  trustProxy(app);
  return app.listen(port, '127.0.0.1').then(() => app);
}

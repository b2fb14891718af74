// After: quotas of Latchkey.
import { Controller, Get, HttpCode, type INestApplication, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Public, RateLimit, SessionModule } from '@latchkey/session';
import { MESSAGES, PROXY, SEARCHES, WINDOW_MS } from '../limits.js';

@Public() // nobody logs in here; a handler without it may count by: 'user' or 'session', in the call of the check
@Controller()
class AppController {
  @RateLimit({ name: 'search', quota: SEARCHES, window: WINDOW_MS, by: 'ip' })
  @Get('search')
  search() {
    return { found: [] };
  }

  @RateLimit({ name: 'messages', quota: MESSAGES, window: WINDOW_MS, by: 'ip' })
  @Post('messages')
  @HttpCode(202)
  send() {
    return {};
  }

  @Get('health')
  health() {
    return { status: 'ok' };
  }
}

@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        redis: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
        commandTimeoutMs: Number(process.env['REDIS_TIMEOUT_MS'] ?? 250),
        guard: 'global',
        strict: true,
        trustProxy: [PROXY],
      }),
    }),
  ],
  controllers: [AppController],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}

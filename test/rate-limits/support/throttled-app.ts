import { Controller, Get, Module, type ModuleMetadata } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import request from 'supertest';

@Controller()
class AppController {
  @Get()
  hello() {
    return {};
  }

  @Get('strict')
  @Throttle({ default: { limit: 1, ttl: 1_000 } })
  strict() {
    return {};
  }

  @Get('free')
  @SkipThrottle()
  free() {
    return {};
  }
}

/** An app of `@nestjs/throttler` as its documentation has it: only the module's options are new. */
export async function startThrottledApp(
  throttling: ReturnType<typeof ThrottlerModule.forRoot>,
  imports: NonNullable<ModuleMetadata['imports']> = [],
) {
  @Module({
    imports: [...imports, throttling],
    controllers: [AppController],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    logger: false,
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  const http = request(await app.getUrl());
  return { app, get: (path = '/') => http.get(path), stop: () => app.close() };
}

export type ThrottledApp = Awaited<ReturnType<typeof startThrottledApp>>;

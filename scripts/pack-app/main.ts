// The app that test-pack.mjs compiles and runs outside the repository, against the packed library: once as an ES module
// on Nest 12, once as CommonJS on Nest 11.
import 'reflect-metadata';
import { Controller, Delete, Get, HttpCode, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportModule } from '@nestjs/passport';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import {
  CurrentSession,
  CurrentUser,
  RateLimiter,
  Roles,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
  type Session,
  type SessionModuleOptions,
  type UserState,
} from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';

@Controller()
class AppController {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UserStateService,
  ) {}

  @Post('login')
  @HttpCode(200)
  async login(): Promise<{ token: string }> {
    const { id, epoch } = await this.users.ensure('alice', { roles: ['user'] });
    const { token } = await this.sessions.create(id, { ifEpoch: epoch, device: { name: 'laptop' } });
    return { token };
  }

  @Get('me')
  @UseGuards(SessionGuard)
  me(@CurrentUser() user: UserState, @CurrentSession() session: Session): object {
    return { id: user.id, roles: user.roles, device: session.device.name };
  }

  @Get('me-by-passport')
  @UseGuards(AuthGuard('latchkey'))
  meByPassport(): object {
    return { ok: true };
  }

  @Get('moderation')
  @UseGuards(SessionGuard)
  @Roles('moderator')
  moderation(): object {
    return { ok: true };
  }

  @Get('throttled')
  @UseGuards(ThrottlerGuard)
  throttled(): object {
    return { ok: true };
  }

  @Delete('session')
  @HttpCode(204)
  @UseGuards(SessionGuard)
  async logout(@CurrentSession() session: Session): Promise<void> {
    await this.sessions.revoke('alice', session.id);
  }

  @Post('block')
  @HttpCode(204)
  async block(): Promise<void> {
    await this.users.block('alice', { reason: 'spam' });
  }
}

const redis = process.env['REDIS_URL'];
const jwt: SessionModuleOptions = process.env['JWT']
  ? { accessToken: 'jwt', jwt: { algorithm: 'EdDSA', issuer: 'app', audience: 'api', keys: [] } }
  : {};

@Module({
  imports: [
    SessionModule.forRoot({ ...(redis ? { redis } : {}), ...jwt }),
    PassportModule,
    SessionPassportModule,
    ThrottlerModule.forRootAsync({
      inject: [RateLimiter],
      useFactory: (limiter: RateLimiter) => ({
        throttlers: [{ ttl: 60_000, limit: 2 }],
        storage: RedisThrottlerStorage.beside(limiter),
      }),
    }),
  ],
  controllers: [AppController],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  // The kit for tests works from the package too.
  const { session } = await loginAs(app, { userId: 'bob' });
  console.log(`listening on ${await app.getUrl()} with a session ${session.id ? 'of bob' : 'missing'}`);
}

void main();

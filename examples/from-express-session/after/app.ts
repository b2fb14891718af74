// After: sessions of Latchkey, which go on for those of express-session.
import { Body, Controller, Get, HttpCode, Injectable, Module, Param, Post, Req, Res } from '@nestjs/common';
import type { INestApplication, MiddlewareConsumer, NestModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CurrentSession, CurrentUser, Public, Roles, SessionError, SessionModule } from '@latchkey/session';
import { SessionService, SessionTransport, UserStateService } from '@latchkey/session';
import type { RevocationReceipt, Session, UserState } from '@latchkey/session';
import type { Request, Response } from 'express';
import { Accounts, AccountsModule, redisUrl } from '../../accounts.js';
import { begin, useExpressSessions } from '../express-sessions.js';
import { areOldKept, OldSessions } from './old-sessions.js';

/** Where the data of a session lies: in the old one while there is one, which both versions read and write. */
@Injectable()
class Carts {
  constructor(private readonly sessions: SessionService) {}

  async read(request: Request, session: Session): Promise<string[]> {
    if (request.session?.userId !== undefined) return request.session.cart ?? [];
    return (await this.sessions.data<{ cart: string[] }>(session).get('cart')) ?? [];
  }

  async add(request: Request, session: Session, item: string): Promise<string[]> {
    if (request.session?.userId !== undefined)
      return (request.session.cart = [...(request.session.cart ?? []), item]);
    const handle = this.sessions.data<{ cart: string[] }>(session);
    for (;;) {
      const { data, version } = await handle.read();
      const cart = [...(data.cart ?? []), item];
      try {
        await handle.set('cart', cart, { ifVersion: version });
        return cart;
      } catch (error) {
        // Another tab was first: nothing is lost any more.
        if (!(error instanceof SessionError && error.code === 'version_conflict')) throw error;
      }
    }
  }
}

@Controller()
class AppController {
  constructor(
    private readonly accounts: Accounts,
    private readonly carts: Carts,
    private readonly old: OldSessions,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly users: UserStateService,
  ) {}

  @Public()
  @Post('auth/login')
  @HttpCode(200)
  async login(
    @Body() body: { username?: unknown; password?: unknown },
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    this.transport.assertSameOrigin(request);
    const account = await this.accounts.find(body.username);
    const before = account && (await this.users.get(account.id));
    const { id } = await this.accounts.verify(body.username, body.password);
    if (before?.status === 'blocked') throw new SessionError('user_blocked');
    if (this.old.areKept) {
      await begin(request, id);
      return { id };
    }
    const device = this.transport.deviceOf(request);
    const ifEpoch = before && { ifEpoch: before.epoch };
    this.transport.setCookie(request, response, await this.sessions.create(id, { device, ...ifEpoch }));
    return { id };
  }

  @Post('auth/logout')
  @HttpCode(204)
  async logout(
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.sessions.revoke(session.userId, session.id, 'logout');
    this.transport.clearCookie(response);
    await this.old.end(request, response);
  }

  @Get('me')
  me(@CurrentUser() { id }: UserState) {
    return { id };
  }

  @Get('cart')
  cart(@Req() request: Request, @CurrentSession() session: Session) {
    return this.carts.read(request, session);
  }

  @Post('cart')
  add(@Req() request: Request, @CurrentSession() session: Session, @Body() { item }: { item: string }) {
    return this.carts.add(request, session, item);
  }

  @Roles('admin')
  @Post('users/:id/block')
  async block(@Param('id') id: string): Promise<RevocationReceipt> {
    const receipt = await this.users.block(id, { reason: 'spam' });
    await this.accounts.change(id, { blocked: '1' });
    return receipt;
  }
}

@Module({
  imports: [
    AccountsModule,
    SessionModule.forRootAsync({
      imports: [AccountsModule],
      inject: [Accounts],
      useFactory: (userDirectory: Accounts) => ({
        redis: redisUrl(),
        commandTimeoutMs: Number(process.env['REDIS_TIMEOUT_MS'] ?? 250),
        guard: 'global',
        strict: true,
        // While old sessions are kept, theirs is the time that counts.
        lifetime: { inactivityTimeout: areOldKept() ? '14d' : '1d', absoluteTimeout: '30d' },
        userDirectory,
        maxStateAge: '30s',
      }),
    }),
  ],
  controllers: [AppController],
  providers: [Carts, OldSessions],
})
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(OldSessions).forRoutes('*path');
  }
}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  if (app.get(OldSessions).areKept) await useExpressSessions(app);
  return app.listen(port, '127.0.0.1').then(() => app);
}

// src/app.module.ts
import { randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Body, Controller, Get, HttpCode, Module, Param, Post, Req, Res } from '@nestjs/common';
import { UnauthorizedException, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { CurrentSession, CurrentUser, Public, RateLimit, Roles } from '@latchkey/session';
import { SessionModule, SessionService, SessionTransport, UserStateService } from '@latchkey/session';
import type { HttpRequest, HttpResponse, Session, UserState } from '@latchkey/session';
import { IsIn, IsString } from 'class-validator';

// Stands for your user table and your password hash.
const hashOf = promisify<string, string, number, Buffer>(scrypt);
const account = (id: string, roles: string[], hash: Buffer) => ({ id, roles, hash });
const accounts = new Map([
  ['ada', account('1', ['user'], scryptSync('engine-no-1', '1', 32))],
  ['mia', account('2', ['moderator'], scryptSync('be-kind-now', '2', 32))],
]);
const UNKNOWN = account('unknown', [], randomBytes(32)); // a hash that no password has

class Credentials {
  @IsString() username!: string;
  @IsString() password!: string;
  @IsIn(['cookie', 'bearer']) transport: 'cookie' | 'bearer' = 'cookie';
}

@Controller()
class AppController {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly users: UserStateService,
  ) {}

  @Public()
  @RateLimit({ name: 'logins', quota: 10, window: '1m', by: 'ip' }) // the 11th gets 429
  @Post('login')
  @HttpCode(200)
  async login(
    @Body() { username, password, transport }: Credentials,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    if (transport === 'cookie') this.transport.assertSameOrigin(request); // 403 for a foreign page
    const { id, roles, hash } = accounts.get(username) ?? UNKNOWN; // an unknown name takes as long
    const { epoch } = await this.users.ensure(id, { roles });
    const isRight = timingSafeEqual(await hashOf(password, id, 32), hash);
    if (!isRight || id === UNKNOWN.id) throw new UnauthorizedException();
    const device = this.transport.deviceOf(request);
    const issued = await this.sessions.create(id, { device, ifEpoch: epoch }); // fails if a block came in between
    if (transport === 'bearer') return { token: issued.token };
    this.transport.setCookie(request, response, issued);
    return {};
  }

  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { id, roles }; // as they are now, not as they were at login
  }

  @Post('users/:id/block')
  @Roles('moderator')
  block(@Param('id') id: string) {
    return this.users.block(id, { reason: 'spam' }); // when this resolves, no node lets the user in
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@CurrentSession() session: Session, @Res({ passthrough: true }) response: HttpResponse) {
    await this.sessions.revoke(session.userId, session.id, 'logout');
    this.transport.clearCookie(response);
  }
}

const validation = new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true });

@Module({
  imports: [SessionModule.forRoot({ guard: 'global', strict: true })],
  controllers: [AppController],
  providers: [{ provide: APP_PIPE, useValue: validation }],
})
export class AppModule {}

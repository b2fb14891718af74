// After: sessions of Latchkey; what the old version has issued is honoured until it expires.
import { Body, Controller, Get, HttpCode, Injectable, Module, Param, Post, Req } from '@nestjs/common';
import { type INestApplication, SetMetadata, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { AuthGuard } from '@nestjs/passport';
import { SessionModule, SessionService, SessionTransport, UserStateService } from '@latchkey/session';
import type { HttpRequest, IssuedSession, RevocationReceipt } from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { Accounts, AccountsModule, redisUrl } from '../../accounts.js';
import { ACCESS_TTL, type RequestUser, SECRETS } from '../tokens.js';
import { isNative, OldJwtStrategy, OldTokens, toRequestUser } from './old-tokens.js';

const Roles = (...roles: string[]) => SetMetadata('roles', roles);
const EitherGuard = AuthGuard(['latchkey', 'jwt']); // was AuthGuard('jwt')

/** As before. */
@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const wanted = this.reflector.get<string[] | undefined>('roles', context.getHandler());
    const { user } = context.switchToHttp().getRequest<{ user: RequestUser }>();
    return !wanted || wanted.some((role) => user.roles.includes(role));
  }
}

@Controller()
class AppController {
  constructor(
    private readonly accounts: Accounts,
    private readonly old: OldTokens,
    private readonly sessions: SessionService,
    private readonly users: UserStateService,
    private readonly transport: SessionTransport,
  ) {}

  @Post('auth/login')
  @HttpCode(200)
  async login(@Body() body: { username?: unknown; password?: unknown }, @Req() request: HttpRequest) {
    const account = await this.accounts.find(body.username);
    const before = account && (await this.users.get(account.id));
    const { id } = await this.accounts.verify(body.username, body.password);
    return this.replyOf(await this.begin(id, request, before?.epoch));
  }

  @Post('auth/refresh')
  @HttpCode(200)
  async refresh(@Body() { refreshToken }: { refreshToken: string }, @Req() request: HttpRequest) {
    if (isNative(refreshToken)) return this.replyOf(await this.sessions.refresh(refreshToken));
    const old = await this.old.verify(refreshToken);
    const before = await this.users.get(old.sub);
    return this.old.exchange(old, async (refreshToken) =>
      this.replyOf(
        refreshToken === undefined
          ? await this.begin(old.sub, request, before?.epoch)
          : await this.sessions.refresh(refreshToken),
      ),
    );
  }

  @UseGuards(EitherGuard)
  @Post('auth/logout')
  @HttpCode(204)
  async logout(
    @Req() request: HttpRequest & { user: RequestUser },
    @Body() { refreshToken }: { refreshToken: string },
  ): Promise<void> {
    const { userId, sid } = request.user;
    if (sid !== undefined) await this.sessions.revoke(userId, sid, 'logout');
    await this.old.logOut(request, refreshToken);
  }

  @UseGuards(EitherGuard)
  @Get('me')
  me(@Req() { user }: { user: RequestUser }) {
    return { id: user.userId, roles: user.roles };
  }

  @UseGuards(EitherGuard, RolesGuard)
  @Roles('admin')
  @Post('users/:id/block')
  async block(@Param('id') id: string): Promise<RevocationReceipt> {
    const receipt = await this.users.block(id, { reason: 'spam' }); // tighter: Latchkey first
    await this.accounts.change(id, { blocked: '1' });
    return receipt;
  }

  private begin(userId: string, request: HttpRequest, epoch?: number): Promise<IssuedSession> {
    const device = this.transport.deviceOf(request);
    return this.sessions.create(userId, { device, ...(epoch === undefined ? {} : { ifEpoch: epoch }) });
  }

  /** For a week, in tokens that the old version takes as well. */
  private replyOf(issued: IssuedSession) {
    const { token: accessToken, refreshToken } = issued;
    return this.old.areIssued ? this.old.wrap(issued) : { accessToken, refreshToken };
  }
}

@Module({
  imports: [
    AccountsModule,
    JwtModule.register({ secret: SECRETS.access }),
    SessionPassportModule.forRoot({ toRequestUser }),
    SessionModule.forRootAsync({
      imports: [AccountsModule],
      inject: [Accounts],
      useFactory: (userDirectory: Accounts) => ({
        redis: redisUrl(),
        commandTimeoutMs: Number(process.env['REDIS_TIMEOUT_MS'] ?? 250),
        refresh: { accessTokenTtl: ACCESS_TTL },
        lifetime: { inactivityTimeout: '7d', absoluteTimeout: '30d' },
        userDirectory,
        maxStateAge: '30s',
      }),
    }),
  ],
  controllers: [AppController],
  providers: [OldJwtStrategy, OldTokens],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}

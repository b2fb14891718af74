// Before: access tokens by passport-jwt and @nestjs/jwt, refresh tokens that work once.
import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Injectable, Module, Param, Post, Req } from '@nestjs/common';
import { type INestApplication, SetMetadata, UnauthorizedException, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { type Account, Accounts, AccountsModule } from '../../accounts.js';
import { ACCESS_TTL, REFRESH_TTL_S, type RequestUser, SECRETS } from '../tokens.js';

const Roles = (...roles: string[]) => SetMetadata('roles', roles);

@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const wanted = this.reflector.get<string[] | undefined>('roles', context.getHandler());
    const { user } = context.switchToHttp().getRequest<{ user: RequestUser }>();
    return !wanted || wanted.some((role) => user.roles.includes(role));
  }
}

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
    super({ jwtFromRequest, secretOrKey: SECRETS.access, algorithms: ['HS256'] });
  }

  validate({ sub, roles }: { sub: string; roles: string[] }): RequestUser {
    return { userId: sub, roles };
  }
}

@Injectable()
class Tokens {
  constructor(
    private readonly jwt: JwtService,
    private readonly accounts: Accounts,
  ) {}

  async issue({ id, roles, isBlocked }: Account) {
    if (isBlocked) throw new UnauthorizedException();
    const jti = randomUUID();
    await this.accounts.redis.set(`refresh:${jti}`, id, 'EX', REFRESH_TTL_S);
    const refresh = { secret: SECRETS.refresh, expiresIn: REFRESH_TTL_S };
    return {
      accessToken: await this.jwt.signAsync({ sub: id, roles }, { expiresIn: ACCESS_TTL }),
      refreshToken: await this.jwt.signAsync({ sub: id, jti }, refresh),
    };
  }

  /** @returns whose it was */
  async useUp(refreshToken: string): Promise<Account> {
    const { jti } = await this.jwt
      .verifyAsync<{ jti: string }>(refreshToken, { secret: SECRETS.refresh, algorithms: ['HS256'] })
      .catch(() => ({ jti: '' }));
    const id = await this.accounts.redis.getdel(`refresh:${jti}`);
    const account = id === null ? undefined : await this.accounts.find(id);
    if (!account) throw new UnauthorizedException();
    return account;
  }
}

@Controller()
class AppController {
  constructor(
    private readonly accounts: Accounts,
    private readonly tokens: Tokens,
  ) {}

  @Post('auth/login')
  @HttpCode(200)
  async login(@Body() body: { username?: unknown; password?: unknown }) {
    return this.tokens.issue(await this.accounts.verify(body.username, body.password));
  }

  @Post('auth/refresh')
  @HttpCode(200)
  async refresh(@Body() { refreshToken }: { refreshToken: string }) {
    return this.tokens.issue(await this.tokens.useUp(refreshToken));
  }

  @UseGuards(AuthGuard('jwt'))
  @Post('auth/logout')
  @HttpCode(204)
  async logout(@Body() { refreshToken }: { refreshToken: string }): Promise<void> {
    await this.tokens.useUp(refreshToken); // the access token goes on
  }

  @UseGuards(AuthGuard('jwt'))
  @Get('me')
  me(@Req() { user }: { user: RequestUser }) {
    return { id: user.userId, roles: user.roles };
  }

  @UseGuards(AuthGuard('jwt'), RolesGuard)
  @Roles('admin')
  @Post('users/:id/block')
  async block(@Param('id') id: string): Promise<void> {
    await this.accounts.change(id, { blocked: '1' }); // from the next refresh on
  }
}

@Module({
  imports: [AccountsModule, JwtModule.register({ secret: SECRETS.access })],
  controllers: [AppController],
  providers: [JwtStrategy, Tokens],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}

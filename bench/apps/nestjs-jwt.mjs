import { JwtModule, JwtService } from '@nestjs/jwt';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { bearerTokens, KEY, SECRET } from './jwt.mjs';
import { decorate } from './nest.mjs';

/** The guard of Nest's documentation, word for word but for what it puts on the request. */
class AuthGuard {
  constructor(jwtService) {
    this.jwtService = jwtService;
  }

  async canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const [type, token] = request.headers.authorization?.split(' ') ?? [];
    if (type !== 'Bearer') throw new UnauthorizedException();
    try {
      const { sub, roles } = await this.jwtService.verifyAsync(token);
      request.user = { id: sub, roles };
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}
decorate(AuthGuard, { decorators: [Injectable()], inject: [JwtService] });

const build = (secret) => ({
  imports: [JwtModule.register({ secret, verifyOptions: { algorithms: ['HS256'] } })],
  guards: [AuthGuard],
  credentials: (_app, { count }) => bearerTokens(count),
});

export const builds = {
  'nestjs-jwt-string': () => build(SECRET),
  'nestjs-jwt': () => build(KEY),
};

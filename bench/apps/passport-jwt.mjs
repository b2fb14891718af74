import { Injectable } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { bearerTokens, KEY, SECRET } from './jwt.mjs';
import { decorate } from './nest.mjs';

function build(secretOrKey) {
  class JwtStrategy extends PassportStrategy(Strategy) {
    constructor() {
      super({
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        ignoreExpiration: false,
        secretOrKey,
        algorithms: ['HS256'],
      });
    }

    validate({ sub, roles }) {
      return { id: sub, roles };
    }
  }
  decorate(JwtStrategy, { decorators: [Injectable()] });
  return {
    imports: [PassportModule],
    providers: [JwtStrategy],
    guards: [AuthGuard('jwt')],
    credentials: (_app, { count }) => bearerTokens(count),
  };
}

export const builds = {
  'passport-jwt-string': () => build(SECRET),
  'passport-jwt': () => build(KEY),
};

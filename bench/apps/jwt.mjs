// What all JWT configurations share: one HS256 secret, tokens as usual apps have them, and a guard around a `verify`.
import { createSecretKey } from 'node:crypto';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { SignJWT } from 'jose';
import { decorate } from './nest.mjs';
import { userIds } from './users.mjs';

export const SECRET = 'a secret of 64 characters, as a password generator makes them...';
export const KEY = createSecretKey(Buffer.from(SECRET));

/** One bearer token for each user, good for a day. */
export async function bearerTokens(count) {
  const sign = (id) =>
    new SignJWT({ roles: ['user'] })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(id)
      .setIssuedAt()
      .setExpirationTime('1d')
      .sign(KEY);
  const tokens = await Promise.all(userIds(count).map(sign));
  return tokens.map((token) => ({ authorization: `Bearer ${token}` }));
}

/** The guard of Nest's own documentation: the token from `Authorization`, `verify` makes the payload of it or throws. */
export function jwtGuard(verify) {
  class JwtGuard {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest();
      const [type, token] = request.headers.authorization?.split(' ') ?? [];
      if (type !== 'Bearer') throw new UnauthorizedException();
      try {
        const { sub, roles } = await verify(token);
        request.user = { id: sub, roles };
      } catch {
        throw new UnauthorizedException();
      }
      return true;
    }
  }
  return decorate(JwtGuard, { decorators: [Injectable()] });
}

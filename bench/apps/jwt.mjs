// All JWT configurations: one HS256 secret, tokens as usual apps have them, and the guard of each library's documentation.
import { createSecretKey, randomUUID, webcrypto } from 'node:crypto';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { createVerifier } from 'fast-jwt';
import { Redis } from 'ioredis';
import { jwtVerify, SignJWT } from 'jose';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { decorate } from './nest.mjs';

const SECRET = 'a secret of 64 characters, as a password generator makes them...';
const KEY = createSecretKey(Buffer.from(SECRET));
const ALGORITHMS = ['HS256'];

/** One bearer token, good for a day, with an ID by which a list can name it. */
async function login(_app, id) {
  const token = new SignJWT({ roles: ['user'] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(id)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1d');
  return { authorization: `Bearer ${await token.sign(KEY)}` };
}

/** The guard of Nest's own documentation: the token from `Authorization`, `verify` makes the payload of it or throws. */
function guarded(verify) {
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
  return { guards: [decorate(JwtGuard, { decorators: [Injectable()] })], login };
}

const fastJwt = (options) => guarded(createVerifier({ key: SECRET, algorithms: ALGORITHMS, ...options }));

/** What articles recommend against a JWT's deafness: each request asks whether its token was revoked. */
function revocable({ redisUrl }) {
  const [redis, verify] = [new Redis(redisUrl), createVerifier({ key: SECRET, algorithms: ALGORITHMS })];
  return guarded(async (token) => {
    const payload = verify(token);
    if (await redis.exists(`revoked:${payload.jti}`)) throw new Error('The token was revoked');
    return payload;
  });
}

function nestjsJwt(secret) {
  let service;
  const providers = [{ provide: 'verifier', inject: [JwtService], useFactory: (jwt) => (service = jwt) }];
  const imports = [JwtModule.register({ secret, verifyOptions: { algorithms: ALGORITHMS } })];
  return { ...guarded((token) => service.verifyAsync(token)), imports, providers };
}

function passportJwt(secretOrKey) {
  const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
  class JwtStrategy extends PassportStrategy(Strategy) {
    constructor() {
      super({ jwtFromRequest, ignoreExpiration: false, secretOrKey, algorithms: ALGORITHMS });
    }

    validate({ sub, roles }) {
      return { id: sub, roles };
    }
  }
  decorate(JwtStrategy, { decorators: [Injectable()] });
  return { imports: [PassportModule], providers: [JwtStrategy], guards: [AuthGuard('jwt')], login };
}

async function jose() {
  const [bytes, hmac] = [new TextEncoder().encode(SECRET), { name: 'HMAC', hash: 'SHA-256' }];
  const key = await webcrypto.subtle.importKey('raw', bytes, hmac, false, ['verify']);
  return guarded(async (token) => (await jwtVerify(token, key, { algorithms: ALGORITHMS })).payload);
}

export const builds = {
  'fast-jwt': () => fastJwt({}),
  // By default it hashes each token to find it in the cache; its README names this as the faster way.
  'fast-jwt-cache': () => fastJwt({ cache: true, cacheKeyBuilder: (token) => token }),
  'jwt-revocation': revocable,
  jose,
  'nestjs-jwt-string': () => nestjsJwt(SECRET),
  'nestjs-jwt': () => nestjsJwt(KEY),
  'passport-jwt': () => passportJwt(KEY),
};

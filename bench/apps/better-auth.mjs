import { Injectable, UnauthorizedException } from '@nestjs/common';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { fromNodeHeaders } from 'better-auth/node';
import { Redis } from 'ioredis';
import { decorate } from './nest.mjs';

/** Sessions in Redis, as `secondaryStorage`; users in memory, which is faster than any database would be. */
function build({ redisUrl }, { cookieCache }) {
  const redis = new Redis(redisUrl);
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: 'a secret of 64 characters, as a password generator makes them...',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    secondaryStorage: {
      get: (key) => redis.get(key),
      set: (key, value, ttl) => (ttl ? redis.set(key, value, 'EX', ttl) : redis.set(key, value)),
      delete: (key) => redis.del(key),
    },
    // The logins are not measured: a password hash would only make the bench slow.
    emailAndPassword: {
      enabled: true,
      password: {
        hash: async (password) => password,
        verify: async ({ hash, password }) => hash === password,
      },
    },
    session: { cookieCache: { enabled: cookieCache, maxAge: 86_400 } },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  });

  class BetterAuthGuard {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest();
      const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
      if (!found) throw new UnauthorizedException();
      request.user = found.user;
      return true;
    }
  }
  decorate(BetterAuthGuard, { decorators: [Injectable()] });

  return {
    guards: [BetterAuthGuard],
    async login(_app, id) {
      const body = { name: id, email: `${id}@example.com`, password: 'correct-horse' };
      const response = await auth.api.signUpEmail({ body, asResponse: true });
      return {
        cookie: response.headers
          .getSetCookie()
          .map((cookie) => cookie.split(';')[0])
          .join('; '),
      };
    },
  };
}

export const builds = {
  'better-auth': (context) => build(context, { cookieCache: false }),
  'better-auth-cookie': (context) => build(context, { cookieCache: true }),
};

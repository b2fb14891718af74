import { createVerifier } from 'fast-jwt';
import { bearerTokens, jwtGuard, SECRET } from './jwt.mjs';

const build = (options) => ({
  guards: [jwtGuard(createVerifier({ key: SECRET, algorithms: ['HS256'], ...options }))],
  credentials: (_app, { count }) => bearerTokens(count),
});

export const builds = {
  'fast-jwt': () => build({}),
  // By default it hashes each token to find it in the cache; its README names this as the faster way.
  'fast-jwt-cache': () => build({ cache: true, cacheKeyBuilder: (token) => token }),
};

import { createVerifier } from 'fast-jwt';
import { bearerTokens, jwtGuard, SECRET } from './jwt.mjs';

const build = (options) => ({
  guards: [jwtGuard(createVerifier({ key: SECRET, algorithms: ['HS256'], ...options }))],
  credentials: (_app, { count }) => bearerTokens(count),
});

export const builds = {
  'fast-jwt': () => build({}),
  'fast-jwt-cache': () => build({ cache: true }),
};

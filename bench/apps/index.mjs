// Every configuration, in the order of the report. Its code is loaded by the process that runs it, and by no other.

/**
 * `against`: the row of ours that it is measured beside, of its own kind: a bare guard beside a bare guard, Passport beside
 * Passport, limits beside limits. `file`: the one beside this whose `builds` makes it. `platforms`: default both.
 * `isReplayed`: it is in the part `checks` alone. `redisCalls`: of each request; absent where a cache decides. `login`: whether the part `logins` weighs one; `mostLogins`:
 * at most so many at a time.
 */
const row = (against, file, name, label, more = {}) => ({
  name,
  label,
  file,
  against,
  redisCalls: 0,
  ...more,
});
const ONE = { redisCalls: 1 };

export const CONFIGURATIONS = [
  row('latchkey', 'none', 'none', 'no auth'),
  row('latchkey', 'none', 'empty-guard', 'an empty guard (the ceiling)'),
  row('latchkey', 'latchkey', 'latchkey', '**Latchkey**', { ...ONE, login: true }),
  row('latchkey', 'latchkey', 'latchkey-near', '**Latchkey**, near cache, users who are here', {
    redisCalls: undefined,
    // It keeps an answer for 2 s, and the other apps' windows take longer: with hundreds of users nearly every request of a
    // window would be its user's first.
    users: 8,
    absentIf: /nearCache/,
  }),
  // By default that is due once a minute.
  row('latchkey', 'latchkey', 'latchkey-touch', '**Latchkey**, activity written at every request', {
    ...ONE,
    isReplayed: true,
  }),
  row('latchkey', 'latchkey', 'latchkey-cookie', '**Latchkey**, token in a cookie', ONE),
  row('latchkey', 'latchkey', 'latchkey-jwt', '**Latchkey** with JWTs as access tokens', ONE),
  row('latchkey', 'jwt', 'nestjs-jwt-string', '@nestjs/jwt, secret as a string (the usual set-up)'),
  row('latchkey', 'jwt', 'nestjs-jwt', '@nestjs/jwt, secret as a KeyObject'),
  row('latchkey', 'jwt', 'jose', 'jose, secret as a CryptoKey'),
  row('latchkey', 'jwt', 'fast-jwt', 'fast-jwt', { login: true }),
  row('latchkey', 'jwt', 'fast-jwt-cache', 'fast-jwt, every token in its cache'),
  row('latchkey', 'jwt', 'jwt-revocation', 'fast-jwt + a revocation list in Redis', { ...ONE, login: true }),
  row('latchkey', 'supertokens', 'supertokens', "SuperTokens' SDK, local verification"),
  row('latchkey', 'cookie-sessions', 'express-session', 'express-session + connect-redis', {
    platforms: ['express'],
    redisCalls: 2,
    login: true,
  }),
  row('latchkey', 'cookie-sessions', 'fastify-session', '@fastify/session + connect-redis', {
    platforms: ['fastify'],
    redisCalls: 2,
    login: true,
  }),
  row(
    'latchkey',
    'better-auth',
    'better-auth-cookie',
    'better-auth, its cookie cache (a block waits for it)',
  ),
  // Its users in memory are copied with each sign-up: what a login costs grows with them, as it would in no database.
  row('latchkey', 'better-auth', 'better-auth', 'better-auth on Redis', {
    redisCalls: 2,
    login: true,
    mostLogins: 50,
  }),
  row('latchkey-passport', 'latchkey', 'latchkey-passport', "**Latchkey**, `AuthGuard('latchkey')`", ONE),
  row('latchkey-passport', 'jwt', 'passport-jwt', 'passport-jwt, secret as a KeyObject'),
  row('latchkey+quota', 'latchkey', 'latchkey+quota', '**Latchkey** + a quota', ONE),
  row('latchkey+quota', 'latchkey', 'latchkey+3-quotas', '**Latchkey** + three quotas', ONE),
  row(
    'latchkey+quota',
    'latchkey',
    'latchkey+3-quotas+cidrs',
    '**Latchkey** + three quotas and an allowlist',
    ONE,
  ),
  // The list is on a slot of its own: a second call in the same tick, and so the same round trip.
  row(
    'latchkey+quota',
    'latchkey',
    'latchkey+3-quotas+list',
    '**Latchkey** + three quotas and a list in Redis',
    {
      redisCalls: 2,
    },
  ),
  ...['fast-jwt', 'fast-jwt-cache'].map((name) =>
    row('latchkey+quota', 'jwt', `${name}+throttler`, `${name} + Throttler on Redis`, ONE),
  ),
];

/** Those that are also measured with Redis further away. */
export const AT_A_DISTANCE = [
  'latchkey',
  'latchkey-near',
  'jwt-revocation',
  'express-session',
  'fastify-session',
];

/** @throws Error when there is no such configuration */
export function findConfiguration(name) {
  const found = CONFIGURATIONS.find((configuration) => configuration.name === name);
  if (!found) throw new Error(`There is no configuration ${name}`);
  return found;
}

/**
 * What the Nest app of a configuration is made of, with `login(app, id, http)`, which gives the headers of the requests to
 * come or sets a cookie; `context` is `{ redisUrl, platform }`.
 */
export async function buildConfiguration(name, context) {
  const [base, limiter] = name.endsWith('+throttler') ? name.split('+') : [name];
  const { builds } = await import(`./${findConfiguration(name).file}.mjs`);
  const built = await builds[base](context);
  if (!limiter) return built;
  const { withThrottler } = await import('./throttler.mjs');
  return withThrottler(built, context);
}

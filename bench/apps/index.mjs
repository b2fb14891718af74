// Every configuration, in the order of the report. Its code is loaded by the process that runs it, and by no other.

const JWTS = [
  {
    name: 'passport-jwt-string',
    label: 'passport-jwt, secret as a string (the usual set-up)',
    file: 'passport-jwt',
    redisCalls: 0,
  },
  { name: 'passport-jwt', label: 'passport-jwt, secret as a KeyObject', file: 'passport-jwt', redisCalls: 0 },
  {
    name: 'nestjs-jwt-string',
    label: '@nestjs/jwt, secret as a string (the usual set-up)',
    file: 'nestjs-jwt',
    redisCalls: 0,
  },
  { name: 'nestjs-jwt', label: '@nestjs/jwt, secret as a KeyObject', file: 'nestjs-jwt', redisCalls: 0 },
  { name: 'jose-bytes', label: 'jose, secret as bytes (the usual set-up)', file: 'jose', redisCalls: 0 },
  { name: 'jose', label: 'jose, secret as a CryptoKey', file: 'jose', redisCalls: 0 },
  { name: 'fast-jwt', label: 'fast-jwt', file: 'fast-jwt', redisCalls: 0 },
  { name: 'fast-jwt-cache', label: 'fast-jwt, every token in its cache', file: 'fast-jwt', redisCalls: 0 },
];

/**
 * `name`, `label`, the `file` beside this one whose `builds` makes it, the `platforms` that it serves (default both), and
 * how many `redisCalls` a request makes.
 */
export const CONFIGURATIONS = [
  { name: 'none', label: 'no auth', file: 'none', redisCalls: 0 },
  { name: 'empty-guard', label: 'an empty guard (the ceiling)', file: 'none', redisCalls: 0 },
  ...JWTS,
  { name: 'latchkey', label: '**Latchkey**', file: 'latchkey', redisCalls: 1 },
  {
    // By default that is due once a minute.
    name: 'latchkey-touch',
    label: '**Latchkey**, activity written at every request',
    file: 'latchkey',
    redisCalls: 1,
  },
  {
    name: 'latchkey-jwt',
    label: '**Latchkey** with JWTs as access tokens',
    file: 'latchkey',
    redisCalls: 1,
  },
  {
    name: 'latchkey-passport',
    label: "**Latchkey** through Passport, `AuthGuard('latchkey')`",
    file: 'latchkey',
    redisCalls: 1,
  },
  {
    name: 'express-session-fixed',
    label: 'express-session + connect-redis, without touch',
    file: 'express-session',
    platforms: ['express'],
    redisCalls: 1,
  },
  {
    name: 'express-session-rolling',
    label: 'express-session + connect-redis, rolling',
    file: 'express-session',
    platforms: ['express'],
    redisCalls: 2,
  },
  {
    name: 'express-session',
    label: 'express-session + connect-redis',
    file: 'express-session',
    platforms: ['express'],
    redisCalls: 2,
  },
  {
    name: 'better-auth-cookie',
    label: 'better-auth, its cookie cache (a block waits for it)',
    file: 'better-auth',
    redisCalls: 0,
  },
  { name: 'better-auth', label: 'better-auth on Redis', file: 'better-auth', redisCalls: 2 },
  ...JWTS.map(({ name, label, file }) => ({
    name: `${name}+throttler`,
    label: `${label} + Throttler on Redis`,
    file,
    redisCalls: 1,
  })),
  { name: 'latchkey+quota', label: '**Latchkey** + a quota', file: 'latchkey', redisCalls: 1 },
  { name: 'latchkey+3-quotas', label: '**Latchkey** + three quotas', file: 'latchkey', redisCalls: 1 },
  {
    name: 'latchkey+3-quotas+cidrs',
    label: '**Latchkey** + three quotas and an allowlist in the code',
    file: 'latchkey',
    redisCalls: 1,
  },
  {
    // The list is on a slot of its own: a second call in the same tick, and so the same round trip.
    name: 'latchkey+3-quotas+list',
    label: '**Latchkey** + three quotas and an allowlist in Redis',
    file: 'latchkey',
    redisCalls: 2,
  },
];

/** Those that are also measured with Redis further away, and with a further read in the handler. */
export const AT_A_DISTANCE = [
  'none',
  'passport-jwt',
  'fast-jwt',
  'fast-jwt-cache',
  'latchkey',
  'express-session',
  'better-auth',
  'passport-jwt+throttler',
  'fast-jwt-cache+throttler',
  'latchkey+quota',
];

/** @throws Error when there is no such configuration */
export function findConfiguration(name) {
  const found = CONFIGURATIONS.find((configuration) => configuration.name === name);
  if (!found) throw new Error(`There is no configuration ${name}`);
  return found;
}

/** What the Nest app of a configuration is made of; `context` is `{ redisUrl, platform }`. */
export async function buildConfiguration(name, context) {
  const { file } = findConfiguration(name);
  const [base, limiter] = name.endsWith('+throttler') ? name.split('+') : [name];
  const { builds } = await import(`./${file}.mjs`);
  const built = await builds[base](context);
  if (!limiter) return built;
  const { withThrottler } = await import('./throttler.mjs');
  return withThrottler(built, context);
}

import type { HttpRequest } from '../../contexts/http/http.js';
import { SessionConfigurationError } from '../../model/session-error.js';
import { ipListRef } from '../../rules/ip-address.js';
import type { RateLimitOptions } from '../../rules/quota-options.js';
import { type Partition, quotaRule } from '../../rules/quota-rule.js';
import { add, declare, type AccessDecorator } from './declarations.js';

/**
 * Quotas on a route: `@RateLimit({ name: 'posts', quota: 30, window: '1m', by: 'user' })`, or `@RateLimit('posts')` for
 * one of the option `rateLimits`. Those of the class and of the handler add up, also on `@Public()` handlers (there by
 * client IP, or by a function of the request). All of a request's quotas are consumed or none; over one of them, 429
 * `rate_limited`. Quotas by user and session cost no further call.
 * @example
 * `@RateLimit({ name: 'posts', quota: 30, window: '1m', by: 'user' }) @Post('posts') create() {}`
 * @publicApi
 */
export function RateLimit(
  ...rules: readonly (RateLimitOptions<'user' | 'session' | 'ip' | Partition<HttpRequest>> | string)[]
): AccessDecorator {
  if (rules.length === 0) throw new SessionConfigurationError('@RateLimit()', 'needs at least one quota');
  const quotas = rules.map((rule) => (typeof rule === 'string' ? rule : quotaRule('@RateLimit()', rule)));
  return add('quotas', quotas);
}

/**
 * What becomes of the quotas of a `@Public()` handler while storage is away or too slow. `'deny'`, the default, answers
 * 503 `session_store_unavailable`. `'local-quota'` counts them in the process's memory instead, by the same rule (GCRA):
 * clients then get up to `nodes × (burst + rate × time)` more, on top of what storage had counted. A process keeps the
 * 100,000 shares that were used last, and takes a client beyond those for a new one. Once storage answers, it counts again.
 *
 * On a handler it replaces that of the class. The app does not start with `'local-quota'` on a handler that takes a session
 * or a service token, has no quota, or is behind a named list of addresses: only storage knows those.
 * @example
 * `@Public() @RateLimit({ name: 'search', quota: 60, window: '1m', by: 'ip' }) @OnStoreFailure('local-quota') @Get('search') search() {}`
 * @publicApi
 */
export function OnStoreFailure(then: 'deny' | 'local-quota'): AccessDecorator {
  if (then === 'deny' || then === 'local-quota') return declare('onStoreFailure', then);
  throw new SessionConfigurationError(
    '@OnStoreFailure()',
    `takes 'deny' or 'local-quota', not ${String(JSON.stringify(then))}`,
  );
}

/**
 * The client IP must be in this list: `@IpAllowlist(['10.0.0.0/8', '::1'])`, or `@IpAllowlist('office')` for one that
 * `IpAllowlists` keeps and that can be changed at run time. Else 403 `ip_not_allowed`, before any quota is counted.
 * Several of the class and of the handler add up, also on `@Public()` handlers: every one must let the address in.
 * Lists are literal: an empty or missing one lets nobody in, and neither does any for a client IP that is not known.
 * Named lists cost one call for all of them, in the same tick as the check.
 * @example
 * `@IpAllowlist('office') @IpAllowlist(['10.0.0.0/8', '::1']) @Get('admin') overview() {}`
 * @publicApi
 */
export function IpAllowlist(list: string | readonly string[]): AccessDecorator {
  return add('ipAllowlists', [ipListRef('@IpAllowlist()', list)]);
}

/**
 * The client IP must not be in this list; otherwise as `@IpAllowlist`. A named list that is missing refuses everybody:
 * only one that is there and empty refuses nobody.
 * @example
 * `@IpDenylist(['192.0.2.0/24']) @Post('sign-up') signUp() {}`
 * @publicApi
 */
export function IpDenylist(list: string | readonly string[]): AccessDecorator {
  return add('ipDenylists', [ipListRef('@IpDenylist()', list)]);
}

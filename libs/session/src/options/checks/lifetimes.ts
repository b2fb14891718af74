import { toMilliseconds, type Duration } from '../../basics/duration.js';
import type { Lifetime } from '../../model/session.js';
import { resolveLifetime, type LifetimeOption } from '../../rules/lifetime.js';
import { attempt, isRecord, mustBe, noOthers, validName } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';

/** @throws SessionConfigurationError */
export function checkLifetimes(options: SessionModuleOptions) {
  const { roleLifetimes = {} } = options;
  if (!isRecord(roleLifetimes)) mustBe('roleLifetimes', "an object such as { admin: 'aal3' }", roleLifetimes);
  return {
    lifetime: lifetime('lifetime', options.lifetime ?? 'aal2'),
    rememberMeLifetime: lifetime('rememberMeLifetime', options.rememberMeLifetime ?? 'aal1'),
    roleLifetimes: new Map(
      Object.entries(roleLifetimes).map(([role, option]) => [
        validName('roleLifetimes', role),
        lifetime(`roleLifetimes.${role}`, option),
      ]),
    ),
    touchIntervalMs: milliseconds('touchInterval', options.touchInterval ?? '1m'),
  };
}

/** @throws SessionConfigurationError */
export function lifetime(option: string, value: LifetimeOption): Lifetime {
  if (typeof value !== 'string' && !isRecord(value))
    mustBe(option, "'aal1', 'aal2', 'aal3' or { inactivityTimeout, absoluteTimeout }", value);
  if (typeof value !== 'string') noOthers(value, ['inactivityTimeout', 'absoluteTimeout'], `${option}.`);
  return attempt(option, () => resolveLifetime(value));
}

/** @throws SessionConfigurationError */
export function milliseconds(option: string, value: Duration): number {
  return attempt(option, () => toMilliseconds(value));
}

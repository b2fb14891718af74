import { type Duration, toMilliseconds } from '../../basics/duration.js';
import { attempt, fail, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';
import type { RefreshSettings, TransportSettings } from '../settings.js';

const DEFAULT_TTL: Duration = '10m';
const MAX_TTL_MS = 24 * 3_600_000;
const DEFAULT_GRACE: Duration = '10s';
const MAX_GRACE_MS = 60_000;
const DEFAULT_COOKIE_PATH = '/auth/refresh';

/** @throws SessionConfigurationError */
export function checkRefresh(refresh: SessionModuleOptions['refresh']): RefreshSettings {
  const { accessTokenTtl = DEFAULT_TTL, grace = DEFAULT_GRACE } = chosen(refresh);
  const accessTokenTtlMs = attempt('refresh.accessTokenTtl', () => toMilliseconds(accessTokenTtl));
  if (accessTokenTtlMs < 1 || accessTokenTtlMs > MAX_TTL_MS) {
    fail('refresh.accessTokenTtl', `must be from 1ms to 24h, not ${accessTokenTtl}`);
  }
  const graceMs = attempt('refresh.grace', () => toMilliseconds(grace));
  if (graceMs > MAX_GRACE_MS) fail('refresh.grace', `must be at most 60s, not ${grace}`);
  return { isOn: isOn(refresh), accessTokenTtlMs, graceMs };
}

/** @throws SessionConfigurationError */
export function refreshCookie(
  refresh: SessionModuleOptions['refresh'],
): Pick<TransportSettings, 'refreshCookiePath'> {
  const { cookiePath = DEFAULT_COOKIE_PATH } = chosen(refresh);
  if (typeof cookiePath !== 'string' || !/^\/[\w./~-]{0,200}$/.test(cookiePath)) {
    fail('refresh.cookiePath', "must be the path of the refresh route, such as '/auth/refresh'");
  }
  return isOn(refresh) ? { refreshCookiePath: cookiePath } : {};
}

function isOn(refresh: SessionModuleOptions['refresh']): boolean {
  return refresh !== undefined && refresh !== false;
}

function chosen(refresh: SessionModuleOptions['refresh']): Exclude<typeof refresh, boolean | undefined> {
  if (refresh === undefined || typeof refresh === 'boolean') return {};
  if (!isRecord(refresh)) return mustBe('refresh', 'true, or an object', refresh);
  noOthers(refresh, ['accessTokenTtl', 'grace', 'cookiePath'], 'refresh.');
  return refresh;
}

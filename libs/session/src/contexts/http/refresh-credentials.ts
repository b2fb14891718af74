import { SessionError } from '../../model/session-error.js';
import { headerOf, type NodeRequest } from './http.js';
import type { TransportSettings } from '../../options/settings.js';
import { bearerToken } from './bearer.js';
import { cookieValues, REFRESH_COOKIE } from './cookie.js';

/** What a request for new tokens presents itself with. @publicApi */
export interface RefreshCredentials {
  /** As it was sent; empty for one that can be none, such as a cookie that came twice. Absent: none was sent. */
  readonly refreshToken?: string;
  /** With cookies: the session cookie's, whose session the refresh token must be of. Empty when there is not exactly one. */
  readonly accessToken?: string;
  readonly transport: 'cookie' | 'bearer';
}

/**
 * The refresh token of a request, from its cookie or from what the app found in the body.
 * @throws SessionError `ambiguous_credentials` when it carries cookies of ours and something else besides
 */
export function readRefreshCredentials(
  request: NodeRequest,
  inBody: string | undefined,
  settings: TransportSettings,
): RefreshCredentials {
  const { refreshCookiePath, cookieName } = settings;
  const isCookieUsed = settings.cookieEnabled && refreshCookiePath !== undefined;
  const valuesOf = (name: string) =>
    isCookieUsed ? cookieValues(headerOf(request.headers, 'cookie'), name) : [];
  const [refreshCookies, sessionCookies] = [valuesOf(REFRESH_COOKIE), valuesOf(cookieName)];
  const bearer = settings.bearerEnabled ? bearerToken(headerOf(request.headers, 'authorization')) : undefined;
  const body = settings.bearerEnabled ? inBody : undefined;
  const hasCookies = refreshCookies.length + sessionCookies.length > 0;
  if (hasCookies && (body !== undefined || bearer !== undefined)) {
    throw new SessionError('ambiguous_credentials');
  }
  if (body !== undefined) return { refreshToken: body, transport: 'bearer' };
  const refresh = refreshCookies.length === 0 ? {} : { refreshToken: onlyOne(refreshCookies) };
  return { ...refresh, accessToken: onlyOne(sessionCookies), transport: 'cookie' };
}

/** Two cookies of one name are a planted one and ours, and nobody can tell which is which. */
function onlyOne(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : '';
}

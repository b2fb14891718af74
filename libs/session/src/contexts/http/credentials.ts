import { SessionError } from '../../model/session-error.js';
import { headerOf, type NodeRequest } from './http.js';
import type { TransportSettings } from '../../options/settings.js';
import { bearerToken } from './bearer.js';
import { cookieValues } from './cookie.js';

/** What a request presents itself with; nothing at all: both absent. */
export interface Credentials {
  /** As it was sent. Empty for a credential that can be no token, such as a cookie that came twice. */
  readonly token?: string;
  readonly transport?: 'cookie' | 'bearer';
}

const NONE: Credentials = {};
const NO_COOKIES: readonly string[] = [];

/**
 * The token of a request, from the cookie or from `Authorization: Bearer`.
 * @throws SessionError `ambiguous_credentials` when it carries both
 */
export function readCredentials(request: NodeRequest, settings: TransportSettings): Credentials {
  const { headers } = request;
  const bearer = settings.bearerEnabled ? bearerToken(headerOf(headers, 'authorization')) : undefined;
  const cookies = settings.cookieEnabled
    ? cookieValues(headerOf(headers, 'cookie'), settings.cookieName)
    : NO_COOKIES;
  if (bearer !== undefined && cookies.length > 0) throw new SessionError('ambiguous_credentials');
  if (bearer !== undefined) return { token: bearer, transport: 'bearer' };
  const [token, another] = cookies;
  if (token === undefined) return NONE;
  // Of two cookies of our name, nobody can tell which one the person's own login set.
  return { token: another === undefined ? token : '', transport: 'cookie' };
}

import { SessionError } from '../../model/session-error.js';
import { headerOf, requestedOriginOf, type NodeRequest } from './http.js';
import type { TransportSettings } from '../../options/settings.js';

type OriginSettings = Pick<TransportSettings, 'publicOrigin'>;

/** The methods that change nothing (RFC 9110 §9.2.1), and so may come from another origin with a cookie. */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Whether a method changes nothing: the cross-origin rule leaves it alone. */
export function isSafeMethod(method: string | undefined): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * Whether a page of our own origin sent the request, or something that is no browser. `Sec-Fetch-Site` decides where
 * it is sent, else `Origin`; no browser leaves out both on an unsafe method. `same-site`, `none` and an `Origin` of
 * `null` are foreign.
 */
export function isSameOrigin(request: NodeRequest, settings: OriginSettings): boolean {
  const fetchSite = headerOf(request.headers, 'sec-fetch-site');
  if (fetchSite !== undefined) return fetchSite === 'same-origin';
  const origin = headerOf(request.headers, 'origin');
  return origin === undefined || origin === (settings.publicOrigin ?? requestedOriginOf(request));
}

/**
 * The cross-origin rule for a request that carries or is about to set a cookie of ours.
 * @throws SessionError `cross_origin` for an unsafe method from another origin
 */
export function assertSameOrigin(request: NodeRequest, settings: OriginSettings): void {
  if (isSafeMethod(request.method)) return;
  if (!isSameOrigin(request, settings)) throw new SessionError('cross_origin');
}

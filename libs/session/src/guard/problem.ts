import type { DenyReason } from '../model/decision.js';
import { type DeniedSession, DENIALS, ERROR_CODES } from '../model/error-codes.js';
import type { Problem } from '../model/problem.js';
import type { SessionError } from '../model/session-error.js';
import { quotaHeaders } from '../contexts/http/quota-headers.js';
import { type HttpRequest, type HttpResponse, isHeadSent, setHeader } from '../contexts/http/http.js';
import { requestAccessOf } from './calls/request-access.js';
import { showWayOut } from '../contexts/http/way-out.js';

export type { Problem } from '../model/problem.js';

/**
 * The body for an error. Nothing of `error.cause` is in it, nor who set a block.
 * @example
 * ```ts
 * const { status, code, detail } = toProblem(error);
 * ```
 * @publicApi
 */
export function toProblem(error: SessionError): Problem {
  return error.getResponse();
}

/**
 * The headers that belong to that body.
 * @param request the request that was refused: lets `reauthentication_required` say what would be enough
 * @example
 * ```ts
 * for (const [name, value] of Object.entries(problemHeaders(error, request))) reply.setHeader(name, value);
 * reply.end(JSON.stringify(toProblem(error)));
 * ```
 * @publicApi
 */
export function problemHeaders(error: SessionError, request?: HttpRequest): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...(ERROR_CODES[error.code].challenge || error.scopes
      ? { 'WWW-Authenticate': challenge(error, request) }
      : {}),
    ...(error.quotas ? quotaHeaders(error.quotas) : {}),
    ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }),
  };
}

/**
 * What an error says of the session behind the request: `missing`, `unknown`, `over` (ended, or the user is blocked), or
 * `alive`; `undefined` for an error that is not a denial. A cookie of a session that is not `alive` can be taken back.
 * @example
 * ```ts
 * const isGone = deniedSessionOf(error) === 'over';
 * ```
 * @publicApi
 */
export function deniedSessionOf({ code }: SessionError): DeniedSession | undefined {
  return Object.hasOwn(DENIALS, code) ? DENIALS[code as DenyReason].session : undefined;
}

/**
 * Puts the headers of a denial on its response, all but the body's type: they are there whatever filter answers, also one
 * that knows nothing of ours. Cookies that would make the next request fail, too, are taken back.
 */
export function setProblemHeaders(response: HttpResponse, error: SessionError, request: HttpRequest): void {
  if (isHeadSent(response)) return;
  for (const [name, value] of Object.entries(problemHeaders(error, request)))
    if (name !== 'Content-Type') setHeader(response, name, value);
  showWayOut(response, error);
}

/** RFC 6750 §3, and RFC 9470 §3 for a session that is not fresh or not strong enough. */
function challenge({ code, title, scopes }: SessionError, request?: HttpRequest): string {
  const { realm = 'session', error = null } = ERROR_CODES[code].challenge ?? {};
  const parameters = [`realm="${scopes ? 'service' : realm}"`];
  if (scopes) {
    parameters.push('error="insufficient_scope"', `scope="${scopes.join(' ')}"`);
  } else if (error === 'insufficient_user_authentication') {
    const requirements = request && requestAccessOf(request)?.requirements;
    const maxAgeMs = requirements?.maxAuthenticationAgeMs;
    parameters.push(`error="${error}"`, `error_description="${title}"`);
    if (requirements?.assurance) parameters.push(`acr_values="${requirements.assurance}"`);
    if (maxAgeMs !== undefined) parameters.push(`max_age="${Math.floor(maxAgeMs / 1_000)}"`);
  } else if (error) {
    parameters.push(`error="${error}"`, `error_description="${title}"`);
  }
  return `Bearer ${parameters.join(', ')}`;
}

import type { SessionError, SessionErrorCode } from '../model/session-error.js';
import { quotaHeaders } from '../rate-limit/quota-headers.js';
import type { HttpRequest } from '../platform/http.js';
import { requestAccessOf } from './request-access.js';

/** A problem detail, RFC 9457: what a client gets for a `SessionError`. @publicApi */
export interface Problem {
  /** A URI that names the kind of problem. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: SessionErrorCode;
  /** With `user_blocked`; `until` as an ISO 8601 instant. */
  readonly block?: { readonly reason: string; readonly until?: string };
  /** With `rate_limited`: the names of the quotas that had no room. */
  readonly 'violated-policies'?: readonly string[];
}

/** The body for an error. Nothing of `error.cause` is in it, nor who set a block. @publicApi */
export function toProblem(error: SessionError): Problem {
  const { code, statusCode: status, title, message: detail, block } = error;
  const problem = { type: typeOf(code), title, status, detail, code };
  if (error.quotas) {
    const violated = error.quotas.filter(({ allowed }) => !allowed).map(({ name }) => name);
    return { ...problem, 'violated-policies': violated };
  }
  if (!block) return problem;
  const until = block.until === undefined ? {} : { until: new Date(block.until).toISOString() };
  return { ...problem, block: { reason: block.reason, ...until } };
}

/**
 * The headers that belong to that body.
 * @param request the request that was refused: lets `reauthentication_required` say what would be enough
 * @publicApi
 */
export function problemHeaders(error: SessionError, request?: HttpRequest): Record<string, string> {
  return {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...(error.statusCode === 401 || error.scopes ? { 'WWW-Authenticate': challenge(error, request) } : {}),
    ...(error.quotas ? quotaHeaders(error.quotas) : {}),
    ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }),
  };
}

/** RFC 6750 §3, and RFC 9470 §3 for a session that is not fresh or not strong enough. */
function challenge({ code, title, scopes }: SessionError, request?: HttpRequest): string {
  const isForServices = scopes !== undefined || code.startsWith('service_token_');
  const parameters = [`realm="${isForServices ? 'service' : 'session'}"`];
  if (scopes) {
    parameters.push('error="insufficient_scope"', `scope="${scopes.join(' ')}"`);
  } else if (code === 'reauthentication_required') {
    const requirements = request && requestAccessOf(request)?.requirements;
    const maxAgeMs = requirements?.maxAuthenticationAgeMs;
    parameters.push('error="insufficient_user_authentication"', `error_description="${title}"`);
    if (requirements?.assurance) parameters.push(`acr_values="${requirements.assurance}"`);
    if (maxAgeMs !== undefined) parameters.push(`max_age="${Math.floor(maxAgeMs / 1_000)}"`);
  } else if (code !== 'session_missing' && code !== 'service_token_missing') {
    parameters.push('error="invalid_token"', `error_description="${title}"`);
  }
  return `Bearer ${parameters.join(', ')}`;
}

/** The RateLimit draft registers a type of its own. */
function typeOf(code: SessionErrorCode): string {
  return code === 'rate_limited'
    ? 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    : `urn:problem-type:latchkey:${code}`;
}

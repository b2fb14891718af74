import type { QuotaResult } from './quota.js';
import type { SessionErrorCode } from './session-error.js';
import type { Block } from './user-state.js';

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

/** What a problem is made of. */
export interface ProblemParts {
  readonly code: SessionErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly block: Block | undefined;
  readonly quotas: readonly QuotaResult[] | undefined;
}

/** The body for an error: nothing of its cause is in it, nor who set a block. */
export function problemOf({ code, status, title, detail, block, quotas }: ProblemParts): Problem {
  const problem = { type: typeOf(code), title, status, detail, code };
  if (quotas) {
    const violated = quotas.filter(({ allowed }) => !allowed).map(({ name }) => name);
    return { ...problem, 'violated-policies': violated };
  }
  if (!block) return problem;
  const until = block.until === undefined ? {} : { until: new Date(block.until).toISOString() };
  return { ...problem, block: { reason: block.reason, ...until } };
}

/** The RateLimit draft registers a type of its own. */
function typeOf(code: SessionErrorCode): string {
  return code === 'rate_limited'
    ? 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    : `urn:problem-type:latchkey:${code}`;
}

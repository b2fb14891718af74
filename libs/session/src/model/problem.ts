import type { QuotaResult } from './quota.js';
import type { SessionErrorCode } from './error-codes.js';
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
interface ProblemParts {
  readonly code: SessionErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly block: Block | undefined;
  readonly quotas: readonly QuotaResult[] | undefined;
}

/** A problem, with what code looks for that knows Nest's own errors. JSON and copies do not show it. */
class ProblemBody implements Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: SessionErrorCode;
  block?: NonNullable<Problem['block']>;
  'violated-policies'?: readonly string[];

  constructor({ code, status, title, detail }: ProblemParts) {
    this.type = typeOf(code);
    this.title = title;
    this.status = status;
    this.detail = detail;
    this.code = code;
  }

  get statusCode(): number {
    return this.status;
  }

  get message(): string {
    return this.detail;
  }
}

/** The body for an error: nothing of its cause is in it, nor who set a block. */
export function problemOf(parts: ProblemParts): Problem {
  const { block, quotas } = parts;
  const problem = new ProblemBody(parts);
  if (quotas) {
    problem['violated-policies'] = quotas.filter(({ allowed }) => !allowed).map(({ name }) => name);
  } else if (block) {
    const until = block.until === undefined ? {} : { until: new Date(block.until).toISOString() };
    problem.block = { reason: block.reason, ...until };
  }
  return problem;
}

/** The RateLimit draft registers a type of its own. */
function typeOf(code: SessionErrorCode): string {
  return code === 'rate_limited'
    ? 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    : `urn:problem-type:latchkey:${code}`;
}

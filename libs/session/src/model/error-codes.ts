import type { DenyReason } from './decision.js';

/** How a `Bearer` challenge (RFC 6750 §3, RFC 9470 §3) names the error; `null`: it names none, as no token came. */
interface Challenge {
  readonly realm: 'session' | 'service';
  readonly error: 'invalid_token' | 'insufficient_user_authentication' | null;
}

/** What an error code decides. */
export interface ErrorRules {
  /** The HTTP status. */
  readonly status: number;
  /** A sentence for people. */
  readonly title: string;
  /** Whether the same request may succeed later: the answer has `Retry-After`. */
  readonly isRetryable: boolean;
  /** The `WWW-Authenticate` header; `null`: none. */
  readonly challenge: Challenge | null;
}

/**
 * What a denial says of the session behind the request. `missing`: no token came, or a guest's to what is for users;
 * `unknown`: there is none by the token; `over`: it has ended, or its user is blocked; `alive`: it goes on.
 *
 * @publicApi
 */
export type DeniedSession = 'missing' | 'unknown' | 'over' | 'alive';

/** What a reason for a denial decides besides. */
export interface DenialRules extends ErrorRules {
  /** What becomes of the session: a cookie of one that is not `alive` is good for nothing any more. */
  readonly session: DeniedSession;
  /** It is found before any quota is looked at: a request that is denied for it uses none. */
  readonly isBeforeQuotas: boolean;
  /** An `@OptionalSession()` handler runs without a session; else the denial holds there, too. */
  readonly leavesNobody: boolean;
  /**
   * What a denied message does to its live connection: `always` ends it, `by-its-own` ends it where the connection's own
   * requirements were checked (else only the message is refused), `never` refuses the message only.
   */
  readonly endsConnection: 'always' | 'by-its-own' | 'never';
  /** The WebSocket close code: 4401 the session ended, 4403 the user is blocked or no longer permitted. */
  readonly closeCode: 4401 | 4403;
}

const NO_TOKEN: Challenge = { realm: 'session', error: null };
const BAD_TOKEN: Challenge = { realm: 'session', error: 'invalid_token' };

/** The session is over or was never there. */
const SESSION_IS_OVER = {
  session: 'over',
  status: 401,
  isRetryable: false,
  challenge: BAD_TOKEN,
  isBeforeQuotas: true,
  leavesNobody: true,
  endsConnection: 'always',
  closeCode: 4401,
} as const satisfies Omit<DenialRules, 'title'>;

/** Every reason for a denial with all that follows from it, in the order in which `decide` looks at them. */
export const DENIALS: Readonly<Record<DenyReason, DenialRules>> = {
  session_missing: {
    ...SESSION_IS_OVER,
    session: 'missing',
    title: 'Authentication is required',
    challenge: NO_TOKEN,
  },
  session_invalid: { ...SESSION_IS_OVER, session: 'unknown', title: 'The session is not valid' },
  user_blocked: {
    session: 'over',
    status: 403,
    title: 'The user is blocked',
    isRetryable: false,
    challenge: null,
    isBeforeQuotas: true,
    leavesNobody: false,
    endsConnection: 'always',
    closeCode: 4403,
  },
  session_revoked: { ...SESSION_IS_OVER, title: 'The session was ended' },
  session_expired: { ...SESSION_IS_OVER, title: 'The session timed out' },
  ip_not_allowed: {
    session: 'alive',
    status: 403,
    title: 'The client IP is not allowed',
    isRetryable: false,
    challenge: null,
    isBeforeQuotas: true,
    leavesNobody: false,
    endsConnection: 'by-its-own',
    closeCode: 4403,
  },
  rate_limited: {
    session: 'alive',
    status: 429,
    title: 'Too many requests',
    isRetryable: true,
    challenge: null,
    isBeforeQuotas: false,
    leavesNobody: false,
    endsConnection: 'never',
    closeCode: 4403,
  },
  reauthentication_required: {
    session: 'alive',
    status: 401,
    title: 'A fresh or stronger authentication is required',
    isRetryable: false,
    challenge: { realm: 'session', error: 'insufficient_user_authentication' },
    isBeforeQuotas: false,
    leavesNobody: false,
    endsConnection: 'by-its-own',
    closeCode: 4401,
  },
  forbidden: {
    session: 'alive',
    status: 403,
    title: 'The user may not do this',
    isRetryable: false,
    challenge: null,
    isBeforeQuotas: false,
    leavesNobody: false,
    endsConnection: 'by-its-own',
    closeCode: 4403,
  },
};

const PLAIN = { isRetryable: false, challenge: null } as const;

/** The errors that are no denials. */
const OTHER_ERRORS = {
  ambiguous_credentials: { ...PLAIN, status: 400, title: 'The request has more than one credential' },
  bad_request: { ...PLAIN, status: 400, title: 'The request is not valid' },
  service_token_missing: {
    status: 401,
    title: 'A service token is required',
    isRetryable: false,
    challenge: { realm: 'service', error: null },
  },
  service_token_invalid: {
    status: 401,
    title: 'The service token is not valid',
    isRetryable: false,
    challenge: { realm: 'service', error: 'invalid_token' },
  },
  token_invalid: {
    status: 401,
    title: 'The token is not valid',
    isRetryable: false,
    challenge: BAD_TOKEN,
  },
  cross_origin: { ...PLAIN, status: 403, title: 'Requests from another origin are refused' },
  user_unknown: { ...PLAIN, status: 404, title: 'The user is unknown' },
  epoch_changed: { ...PLAIN, status: 409, title: 'The user changed during the login' },
  version_conflict: { ...PLAIN, status: 409, title: 'Another change came first' },
  would_lock_out: { ...PLAIN, status: 409, title: 'The change would lock out its author' },
  session_limit_reached: { ...PLAIN, status: 409, title: 'The user has too many sessions' },
  too_large: { ...PLAIN, status: 413, title: 'The data is too large' },
  too_many_connections: {
    status: 429,
    title: 'Too many open connections',
    isRetryable: true,
    challenge: null,
  },
  session_store_unavailable: {
    status: 503,
    title: 'Sessions cannot be checked right now',
    isRetryable: true,
    challenge: null,
  },
  not_durable: {
    status: 503,
    title: 'The change is in force, but not yet on every replica: a failover may undo it. Repeat it',
    isRetryable: true,
    challenge: null,
  },
} as const satisfies Record<string, ErrorRules>;

/**
 * The stable code of an error: what clients may rely on.
 *
 * @publicApi
 */
export type SessionErrorCode = DenyReason | keyof typeof OTHER_ERRORS;

/** Every error that the library raises towards a client. */
export const ERROR_CODES: Readonly<Record<SessionErrorCode, ErrorRules>> = { ...DENIALS, ...OTHER_ERRORS };

/** Every error that the library raises towards a client, with its HTTP status and a title for people. */
export const ERROR_CODES = {
  ambiguous_credentials: [400, 'More than one credential was presented'],
  bad_request: [400, 'The request is not valid'],
  session_missing: [401, 'Authentication is required'],
  session_invalid: [401, 'The session is not valid'],
  session_revoked: [401, 'The session was ended'],
  session_expired: [401, 'The session timed out'],
  service_token_missing: [401, 'A service token is required'],
  service_token_invalid: [401, 'The service token is not valid'],
  token_invalid: [401, 'The token is not valid'],
  reauthentication_required: [401, 'A fresh or stronger authentication is required'],
  cross_origin: [403, 'Requests from another origin are refused'],
  user_blocked: [403, 'The user is blocked'],
  ip_not_allowed: [403, 'The client IP is not allowed'],
  forbidden: [403, 'The user may not do this'],
  user_unknown: [404, 'The user is not known'],
  epoch_changed: [409, 'The user was changed while logging in'],
  version_conflict: [409, 'Somebody else changed it first'],
  would_lock_out: [409, 'The change would lock out who asks for it'],
  session_limit_reached: [409, 'The user has too many sessions'],
  too_large: [413, 'That is too large'],
  rate_limited: [429, 'Too many requests'],
  too_many_connections: [429, 'There are too many open connections'],
  session_store_unavailable: [503, 'Sessions cannot be checked right now'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

/** The stable code of an error: what clients may rely on. @publicApi */
export type SessionErrorCode = keyof typeof ERROR_CODES;

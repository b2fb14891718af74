import type { DenyReason } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';
import { type EndCode, isDenial } from '../live/connection-end.js';
import { SessionError } from '../model/session-error.js';

/** As of connections that were open. */
export function closeCodeOf({ code, statusCode }: SessionError): number {
  if (code in DENIALS) return DENIALS[code as DenyReason].closeCode;
  return OTHER_CLOSE_CODES[statusCode] ?? TRY_AGAIN_LATER;
}

/** What a subscription ends with that cannot go on. */
export function endCodeOf(error: unknown): EndCode {
  return error instanceof SessionError && isDenial(error.code) ? error.code : 'session_store_unavailable';
}

/** As graphql-ws does by itself. */
export const TOO_MANY_INITS = 4429;
const TRY_AGAIN_LATER = 1013;
/** Clients of graphql-ws do not try 4400 again. */
const OTHER_CLOSE_CODES: Readonly<Record<number, number>> = { 400: 4400, 403: 4403 };

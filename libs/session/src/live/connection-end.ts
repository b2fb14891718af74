import type { DenyReason } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';

/** Why the server ended a live connection: as in a problem's `code`, or `going_away` when the server stops. @publicApi */
export type EndCode = DenyReason | 'session_store_unavailable' | 'going_away';

/** What a client is told when the server ends its connection. @publicApi */
export interface ConnectionEnd {
  readonly code: EndCode;
  /**
   * The WebSocket close code: 4401 the session ended, 4403 blocked or no longer permitted, 1001 the server stops,
   * 1013 the session could not be checked for too long.
   */
  readonly closeCode: 4401 | 4403 | 1001 | 1013;
}

/** The ends that are no denials, each with its WebSocket close code. */
const OTHERS = {
  going_away: 1001,
  session_store_unavailable: 1013,
} as const satisfies Record<Exclude<EndCode, DenyReason>, ConnectionEnd['closeCode']>;

export function connectionEnd(code: EndCode): ConnectionEnd {
  return { code, closeCode: isDenial(code) ? DENIALS[code].closeCode : OTHERS[code] };
}

/** Whether the session's own state ended the connection. */
export function isDenial(code: string): code is DenyReason {
  return code in DENIALS;
}

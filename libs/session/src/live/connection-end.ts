import type { DenyReason } from '../model/decision.js';
import { SessionError } from '../model/session-error.js';

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

export function connectionEnd(code: EndCode): ConnectionEnd {
  if (code === 'going_away') return { code, closeCode: 1001 };
  if (code === 'session_store_unavailable') return { code, closeCode: 1013 };
  return { code, closeCode: new SessionError(code).statusCode === 401 ? 4401 : 4403 };
}

import { privateSlot } from '../../basics/private-slot.js';
import type { SessionError } from '../../model/session-error.js';
import { type HttpResponse, isHeadSent, setCookieHeader } from './http.js';

/** A cookie to be taken back: its name, and the `Set-Cookie` line that does it. */
export type Clearing = readonly [name: string, line: string];

const clearings = privateSlot<readonly Clearing[]>();

/** Remembers beside an error which cookies the browser must lose, lest its next request fails in the same way. */
export function offerWayOut(error: SessionError, cookies: readonly Clearing[]): void {
  clearings.set(error, cookies);
}

/** Takes those cookies back with the error's response. */
export function showWayOut(response: HttpResponse, error: SessionError): void {
  const cookies = clearings.get(error);
  if (!cookies || isHeadSent(response)) return;
  for (const [name, line] of cookies) setCookieHeader(response, name, line);
}

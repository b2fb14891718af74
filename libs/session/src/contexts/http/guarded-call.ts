import type { Credentials } from './credentials.js';
import type { HttpRequest, HttpResponse } from './http.js';

/** A call of any context, as `SessionGuard` sees it. */
export interface GuardedCall {
  /** The HTTP request that the call came with, or what stands for one. */
  readonly request: HttpRequest;
  /** Absent where there are no headers to set. */
  readonly response?: HttpResponse | undefined;
  /** What tells the call from others of its request, and is among its arguments; absent: it is the only one. */
  readonly unit?: object;
  /** What the call brought; absent: what the options allow is read from the request. */
  readonly credentials?: Credentials;
  /** With a cookie, a page of our own origin or an allowed one must have sent it, whatever its HTTP method. */
  readonly isUnsafe?: boolean;
  /** Calls of one request that are checked in one turn share the check, where they count against no quota. */
  readonly sharesCheck?: boolean;
}

/** @returns `undefined` where nothing with credentials is behind a call with these arguments */
export type ReadCall = (args: readonly unknown[]) => GuardedCall | undefined;

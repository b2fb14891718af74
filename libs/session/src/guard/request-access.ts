import { attachment } from '../model/attachment.js';
import type { AccessRequirements } from '../model/decision.js';
import { nodeRequestOf, type HttpRequest } from '../platform/http.js';
import type { AuthenticatedSession } from '../session.service.js';

/** What became of a request so far. */
export interface RequestAccess {
  /** What was demanded of it. */
  readonly requirements: AccessRequirements;
  /** Whom it was let in as; absent until it was. */
  admitted?: AuthenticatedSession | 'anonymous';
}

const accesses = attachment<RequestAccess>();

export function requestAccessOf(request: HttpRequest): RequestAccess | undefined {
  return accesses.get(nodeRequestOf(request));
}

export function setRequestAccess(request: HttpRequest, access: RequestAccess): RequestAccess {
  accesses.set(nodeRequestOf(request), access);
  return access;
}

/** Lets a request in, and says so to code that knows Passport's `request.user`. */
export function admitAs(
  request: HttpRequest,
  access: RequestAccess,
  authenticated: AuthenticatedSession,
): void {
  access.admitted = authenticated;
  (request as { user?: unknown }).user = authenticated.user;
}

/**
 * The session and user that a guard let a request in with; `undefined` for nobody. For interceptors, middleware after
 * the guard and decorators of your own.
 * @publicApi
 */
export function authenticatedSessionOf(request: HttpRequest): AuthenticatedSession | undefined {
  const admitted = requestAccessOf(request)?.admitted;
  return admitted === 'anonymous' ? undefined : admitted;
}

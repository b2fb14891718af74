import { attachment } from '../model/attachment.js';
import type { AccessRequirements } from '../model/decision.js';
import { nodeRequestOf, type HttpRequest, type NodeRequest } from '../platform/http.js';
import type { AuthenticatedSession } from '../session.service.js';

/** What became of a request so far. */
export interface RequestAccess {
  /** Which request: objects that were made from one are none of it. */
  readonly request: NodeRequest;
  /** What was demanded of it. */
  readonly requirements: AccessRequirements;
  /** Whom it was let in as; absent until it was. */
  admitted?: AuthenticatedSession | 'anonymous';
}

const accesses = attachment<RequestAccess>();

export function requestAccessOf(request: HttpRequest): RequestAccess | undefined {
  const node = nodeRequestOf(request);
  const access = accesses.get(placeBeside(node));
  return access?.request === node ? access : undefined;
}

export function setRequestAccess(
  request: HttpRequest,
  { requirements, admitted }: Omit<RequestAccess, 'request'>,
): RequestAccess {
  const node = nodeRequestOf(request);
  const access: RequestAccess = { request: node, requirements };
  if (admitted !== undefined) access.admitted = admitted;
  accesses.set(placeBeside(node), access);
  return access;
}

/**
 * Express changes the prototype of every request, and so makes each one a shape of its own: whatever is new on it costs
 * two microseconds and some garbage. The list of its headers, which nobody changes, is an array like any other.
 */
function placeBeside(node: NodeRequest): object {
  return node.rawHeaders ?? node;
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

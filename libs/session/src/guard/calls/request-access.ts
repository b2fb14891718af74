import { privateSlot } from '../../basics/private-slot.js';
import type { AccessRequirements } from '../../model/decision.js';
import { nodeRequestOf, type HttpRequest, type NodeRequest } from '../../contexts/http/http.js';
import type { AuthenticatedSession } from '../../services/sessions/session-types.js';
import type { Access } from '../../rules/access.js';

/** What became of a request so far, by one `SessionModule`. */
export interface RequestAccess {
  /** Which request: objects that were made from one are none of it. */
  readonly request: NodeRequest;
  /** Whose guard or strategy it was: one object for each `SessionModule` of the app, its `SessionTransport`. */
  readonly realm: object;
  /** What was demanded of it. */
  requirements: AccessRequirements;
  /** The handler's access that a guard enforced, quotas and lists and all; absent after a strategy alone. */
  access: Access | undefined;
  /** Whom it was let in as; absent until it was. */
  admitted: AuthenticatedSession | 'anonymous' | undefined;
  /** What Passport's strategy made of the user, for `request.user`. */
  requestUser: object | undefined;
  /** What another `SessionModule` found before. */
  readonly earlier: RequestAccess | undefined;
}

const accesses = privateSlot<RequestAccess>();

/**
 * @param unit the request, or what tells a call from others of its request
 * @param realm whose record; absent: that of whichever guard came last
 */
export function requestAccessOf(unit: object, realm?: object): RequestAccess | undefined {
  if (typeof unit !== 'object' || unit === null) return undefined; // a message's payload may be anything
  const node = nodeRequestOf(unit as HttpRequest);
  let access = accesses.get(placeBeside(node));
  if (access?.request !== node) return undefined;
  while (realm && access && access.realm !== realm) access = access.earlier;
  return access;
}

export function setRequestAccess(
  unit: object,
  {
    realm,
    requirements,
    access,
    admitted,
  }: Pick<RequestAccess, 'realm' | 'requirements'> & Partial<Pick<RequestAccess, 'access' | 'admitted'>>,
): RequestAccess {
  const node = nodeRequestOf(unit as HttpRequest);
  const place = placeBeside(node);
  const last = accesses.get(place);
  const isSame = last?.request === node && last.realm === realm;
  const earlier = last?.request !== node ? undefined : isSame ? last.earlier : last;
  const requestUser = isSame ? last.requestUser : undefined;
  const record: RequestAccess = {
    request: node,
    realm,
    requirements,
    access,
    admitted,
    requestUser,
    earlier,
  };
  accesses.set(place, record);
  return record;
}

/**
 * Express changes the prototype of every request, and so makes each one a shape of its own: whatever is new on it costs
 * two microseconds and some garbage. The list of its headers, which nobody changes, is an array like any other.
 */
function placeBeside(node: NodeRequest): object {
  const { rawHeaders } = node;
  return typeof rawHeaders === 'object' && rawHeaders !== null ? rawHeaders : node; // a message's payload may say anything
}

/** Lets a request in, and says so to code that knows Passport's `request.user`. */
export function admitAs(
  request: HttpRequest,
  access: RequestAccess,
  authenticated: AuthenticatedSession,
): void {
  access.admitted = authenticated;
  // Code that knows Passport takes any user there for somebody who has logged in.
  if (authenticated.session.isGuest !== true)
    (request as { user?: unknown }).user = access.requestUser ?? authenticated.user;
}

/** Lets a request in that needs no session. One that another check has let in with a session keeps that. */
export function admitNobodyTo(unit: object, realm: object, access: Access): true {
  const record = requestAccessOf(unit, realm);
  if (record?.admitted === undefined) {
    setRequestAccess(unit, { realm, requirements: access.requirements, access, admitted: 'anonymous' });
  } else {
    record.access = access;
    record.requirements = bothOf(record.requirements, access.requirements);
  }
  return true;
}

/** Whether a request was let in by this very access already, as by the global guard before one of a class. */
export function wasAdmitted(record: RequestAccess, access: Access): boolean {
  if (record.admitted === undefined) return false;
  if (record.access === access) return true;
  // A strategy knows no more of the handler than that it needs a session: enough where that is all.
  return (
    record.access === undefined &&
    record.admitted !== 'anonymous' &&
    record.requirements === access.requirements &&
    access.quotas.length === 0
  );
}

/**
 * What the strategy's check and a guard's demand together of what is opened on the request and lasts. One of them says
 * little, a session or only lists of addresses, so most can be taken from either.
 */
export function bothOf(one: AccessRequirements, other: AccessRequirements): AccessRequirements {
  if (one === other) return one;
  const { allowExpired: _, passive: __, allowGuests: ___, ...both } = { ...one, ...other };
  return {
    ...both,
    roleGroups: [...one.roleGroups, ...other.roleGroups],
    ...(one.ip && other.ip
      ? { ip: { allow: union(one.ip.allow, other.ip.allow), deny: union(one.ip.deny, other.ip.deny) } }
      : {}),
    ...(one.allowExpired && other.allowExpired ? { allowExpired: true } : {}),
    ...(one.passive && other.passive ? { passive: true } : {}),
    ...(one.allowGuests && other.allowGuests ? { allowGuests: true } : {}),
  };
}

function union<T>(some: readonly T[], others: readonly T[]): readonly T[] {
  return [...new Set([...some, ...others])];
}

/**
 * The session and user that a guard let a request in with; `undefined` for nobody, and for a guest. For interceptors, middleware after
 * the guard and decorators of your own. Where guards of two `SessionModule`s stand before a handler, the last one's.
 * @example
 * ```ts
 * const logUser = (request: HttpRequest) => console.log(authenticatedSessionOf(request)?.user.id ?? 'anonymous');
 * ```
 * @publicApi
 */
export function authenticatedSessionOf(request: HttpRequest): AuthenticatedSession | undefined {
  const admitted = requestAccessOf(request)?.admitted;
  return admitted === 'anonymous' || admitted?.session.isGuest ? undefined : admitted;
}

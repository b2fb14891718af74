import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Session } from '../../model/session.js';
import type { UserState } from '../../model/user-state.js';
import { handleOf } from '../../services/data/session-data-handle.js';
import { accessOfCall } from '../calls/calls.js';
import { declareDataOf } from './declarations.js';

/**
 * The request's session; `undefined` on a public handler, or an optional one without a session.
 * @throws Error where no guard of ours ran: a handler must not take that for "nobody"
 * @example
 * `@Get('session') mine(@CurrentSession() session: Session) { return session.id; }`
 * @publicApi
 */
export const CurrentSession = createParamDecorator(
  (_: unknown, context: ExecutionContext): Session | undefined =>
    authenticated('@CurrentSession()', context)?.session,
);

/**
 * The request's user as it is now, roles and all; `undefined` where `@CurrentSession()` is, and for a guest.
 * @throws Error where no guard of ours ran
 * @example
 * `@Get('me') me(@CurrentUser() user: UserState) { return { id: user.id, roles: user.roles }; }`
 * @publicApi
 */
export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext): UserState | undefined => {
    const found = authenticated('@CurrentUser()', context);
    return found?.session.isGuest ? undefined : found?.user;
  },
);

/**
 * The session's data, or the value of one key of it: `@SessionData('cart') cart: Cart | undefined`. It is read together
 * with the check, at no further call. `undefined` where `@CurrentSession()` is. To change it, see
 * `SessionService.data`.
 * @throws Error where no `SessionGuard` read it; SessionError `session_store_unavailable` for data that does not open
 * @example
 * `@Get('cart') cart(@SessionData('cart') cart: string[] | undefined) { return cart ?? []; }`
 * @publicApi
 */
export function SessionData(key?: string): ParameterDecorator {
  const inject = sessionDataOf(key);
  return (target, method, index) => {
    const handler = method === undefined ? undefined : (target as Record<PropertyKey, unknown>)[method];
    if (handler) declareDataOf(handler);
    inject(target, method, index);
  };
}

const sessionDataOf = createParamDecorator((key: string | undefined, context: ExecutionContext): unknown => {
  const session = authenticated('@SessionData()', context)?.session;
  if (!session) return undefined;
  const data = handleOf(session)?.seen();
  if (!data) {
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    throw new Error(`@SessionData() on ${handler}: no SessionGuard read the data of this very method`);
  }
  return key === undefined ? data : data[key];
});

function authenticated(decorator: string, context: ExecutionContext) {
  const access = accessOfCall(context);
  if (access?.admitted === undefined) {
    throw new Error(
      `${decorator} on ${context.getClass().name}.${context.getHandler().name}: no SessionGuard ran`,
    );
  }
  return access.admitted === 'anonymous' ? undefined : access.admitted;
}

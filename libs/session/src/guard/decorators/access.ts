import { type Duration, toMilliseconds } from '../../basics/duration.js';
import { SessionConfigurationError } from '../../model/session-error.js';
import type { AssuranceLevel } from '../../model/session.js';
import { checkedNames, declare, type AccessDecorator } from './declarations.js';

/**
 * Lets everybody in without looking for a session. On a handler it overrides what the class demands; on a class it
 * yields to any requirement on a handler. Two rules hold all the same: one credential, and none of ours from another
 * origin with an unsafe method.
 *
 * On a class it does not undo a `SessionGuard` that a handler has in its own `@UseGuards()`, or that a class has which
 * extends it: that stops the app, which then has to say `@Public()` there too, or demand something.
 * @example
 * `@Public() @Get('health') health() { return 'ok'; }`
 * @publicApi
 */
export function Public(): AccessDecorator {
  return declare('isPublic', true);
}

/**
 * Takes a session if there is one: `@CurrentSession()` is `undefined` without. A token that is unknown, ended or timed
 * out counts as none; a blocked user is still refused with 403. On a handler it overrides what the class demands; on a
 * class it yields to any requirement on a handler. On a class, it stops the app where a handler has a `SessionGuard` in
 * its own `@UseGuards()` beside one of the class or app: that handler has to say which of the two is meant.
 * @example
 * `@OptionalSession() @Get('feed') feed(@CurrentUser() user?: UserState) { return user?.id ?? 'anonymous'; }`
 * @publicApi
 */
export function OptionalSession(): AccessDecorator {
  return declare('isOptional', true);
}

/**
 * Lets guests in beside users: sessions before login, which `SessionService.createGuest` begins. `@CurrentSession()` is
 * there for both, with `isGuest` for a guest; `@CurrentUser()` is `undefined` for a guest. Needs the option `guests`, or the
 * app does not start. On a handler it overrides what the class demands; on a class it yields to whatever a handler says.
 * @example
 * `@AllowGuests() @Get('cart') cart(@SessionData('cart') cart: string[] | undefined) { return cart ?? []; }`
 * @publicApi
 */
export function AllowGuests(): AccessDecorator {
  return declare('allowsGuests', true);
}

/**
 * The user must have one of these roles now. On a handler it replaces the roles of the class.
 * @example
 * `@Roles('moderator', 'admin') @Get('moderation') list() {}`
 * @publicApi
 */
export function Roles(...roles: readonly string[]): AccessDecorator {
  return declare('roles', checkedNames('@Roles()', roles));
}

/**
 * The user's roles must bring all of these permissions by the option `permissions`. On a handler it replaces the
 * permissions of the class; `@Roles` holds beside it.
 * @example
 * `@Permissions('post:delete') @Delete('posts/:id') remove() {}`
 * @publicApi
 */
export function Permissions(...permissions: readonly string[]): AccessDecorator {
  return declare('permissions', checkedNames('@Permissions()', permissions));
}

/**
 * The person must have proved who they are at most this long ago: milliseconds, or `'10m'`. Else 401
 * `reauthentication_required`.
 * @example
 * `@Fresh('10m') @Delete('account') remove(@CurrentUser() user: UserState) { return users.erase(user.id); }`
 * @publicApi
 */
export function Fresh(maxAge: Duration): AccessDecorator {
  try {
    return declare('maxAuthenticationAgeMs', toMilliseconds(maxAge));
  } catch (error) {
    throw new SessionConfigurationError('@Fresh()', (error as Error).message);
  }
}

/**
 * The session must be of this assurance or a higher one. Else 401 `reauthentication_required`.
 * @example
 * `@Assurance('aal2') @Post('payouts') pay(@CurrentUser() user: UserState) { return user.id; }`
 * @publicApi
 */
export function Assurance(level: AssuranceLevel): AccessDecorator {
  if (!['aal1', 'aal2', 'aal3'].includes(level)) {
    throw new SessionConfigurationError(
      '@Assurance()',
      `takes 'aal1', 'aal2' or 'aal3', not ${JSON.stringify(level)}`,
    );
  }
  return declare('assurance', level);
}

/**
 * A session that timed out is good enough: for logging out.
 * @example
 * `@AllowExpired() @Post('logout') logout(@CurrentSession() own: Session) { return sessions.revoke(userId, own.id); }`
 * @publicApi
 */
export function AllowExpired(): AccessDecorator {
  return declare('allowExpired', true);
}

/**
 * The handler serves what a page asks by itself, such as polling: the session's inactivity timeout goes on. All else
 * holds as without it, quotas included. On a class it holds for all handlers that take a session; on a handler that takes
 * none it stops the app. For WebSocket messages, too.
 *
 * Without it an open tab that polls keeps its session alive until the absolute timeout, which OWASP ASVS 7.3.1 is
 * against.
 * @example
 * `@Passive() @Get('notifications/count') count(@CurrentUser() user: UserState) { return { user: user.id, count: 0 }; }`
 * @publicApi
 */
export function Passive(): AccessDecorator {
  return declare('passive', true);
}

/**
 * Redis answers the check, also with the option `nearCache`: for handlers that must see what was written a moment ago by
 * something other than this library, and to keep the answer out of memory. Without that option it changes nothing. Acts such as `block()` hold at once
 * without it.
 * @example
 * `@FreshState() @Post('payouts') pay(@CurrentUser() user: UserState) { return user.id; }`
 * @publicApi
 */
export function FreshState(): AccessDecorator {
  return declare('freshState', true);
}

/**
 * The handler is for other services: the service token must have all of these scopes, and a session is of no use. Put
 * `ServiceTokenGuard` before it, or the app does not start. On a handler it replaces the scopes of its class.
 * @example
 * `@UseGuards(ServiceTokenGuard) @Scopes('orders:read') @Get('orders') list() {}`
 * @publicApi
 */
export function Scopes(...scopes: readonly string[]): AccessDecorator {
  return declare('scopes', checkedNames('@Scopes()', scopes));
}

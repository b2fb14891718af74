import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { handleOf } from '../services/data/session-data-handle.js';
import { toMilliseconds, type Duration } from '../basics/duration.js';
import type { AssuranceLevel, Session } from '../model/session.js';
import { SessionConfigurationError } from '../model/session-error.js';
import type { UserState } from '../model/user-state.js';
import { NAME_PATTERN } from '../rules/roles.js';
import type { RateLimitOptions } from '../rules/quota-options.js';
import type { DeclaredAccess } from '../rules/access.js';
import { ipListRef } from '../rules/ip-address.js';
import type { HttpRequest } from '../contexts/http/http.js';
import { type Partition, quotaRule } from '../rules/quota-rule.js';
import { requestAccessOf } from './request-access.js';

/** What goes on a handler, or on a class for all of its handlers. @publicApi */
export type AccessDecorator = MethodDecorator & ClassDecorator;

/** How each declaration is written, and the metadata key that it is kept under. */
const DECLARATIONS: Readonly<Record<keyof DeclaredAccess, readonly [decorator: string, key: string]>> = {
  isPublic: ['@Public()', 'latchkey:public'],
  isOptional: ['@OptionalSession()', 'latchkey:optional-session'],
  roles: ['@Roles()', 'latchkey:roles'],
  permissions: ['@Permissions()', 'latchkey:permissions'],
  maxAuthenticationAgeMs: ['@Fresh()', 'latchkey:fresh'],
  assurance: ['@Assurance()', 'latchkey:assurance'],
  allowExpired: ['@AllowExpired()', 'latchkey:allow-expired'],
  passive: ['@Passive()', 'latchkey:passive'],
  quotas: ['@RateLimit()', 'latchkey:quotas'],
  withData: ['@SessionData()', 'latchkey:session-data'],
  ipAllowlists: ['@IpAllowlist()', 'latchkey:ip-allowlists'],
  ipDenylists: ['@IpDenylist()', 'latchkey:ip-denylists'],
  scopes: ['@Scopes()', 'latchkey:scopes'],
};

const ENFORCES_ACCESS = 'latchkey:enforces-access';
const ENFORCES_SCOPES = 'latchkey:enforces-scopes';
const KNOWS_SESSIONS = 'latchkey:knows_sessions';

/** What the decorators on a class or a handler declared: the one reader of their metadata. */
export function declaredAccessOf(target: object): DeclaredAccess {
  const declared: Record<string, unknown> = {};
  for (const [name, [, key]] of Object.entries(DECLARATIONS)) {
    const value: unknown = Reflect.getMetadata(key, target);
    if (value !== undefined) declared[name] = value;
  }
  return declared;
}

/** Whether a class itself declares it, and not only one that it extends. */
export function declaresItself(target: object, name: keyof DeclaredAccess): boolean {
  return Reflect.hasOwnMetadata(DECLARATIONS[name][1], target);
}

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
 * Quotas on a route: `@RateLimit({ name: 'posts', quota: 30, window: '1m', by: 'user' })`, or `@RateLimit('posts')` for
 * one of the option `rateLimits`. Those of the class and of the handler add up, also on `@Public()` handlers (there by
 * client IP, or by a function of the request). All of a request's quotas are consumed or none; over one of them, 429
 * `rate_limited`. Quotas by user and session cost no further call.
 * @example
 * `@RateLimit({ name: 'posts', quota: 30, window: '1m', by: 'user' }) @Post('posts') create() {}`
 * @publicApi
 */
export function RateLimit(
  ...rules: readonly (RateLimitOptions<'user' | 'session' | 'ip' | Partition<HttpRequest>> | string)[]
): AccessDecorator {
  if (rules.length === 0) throw new SessionConfigurationError('@RateLimit()', 'needs at least one quota');
  const quotas = rules.map((rule) => (typeof rule === 'string' ? rule : quotaRule('@RateLimit()', rule)));
  return add('quotas', quotas);
}

/**
 * The client IP must be in this list: `@IpAllowlist(['10.0.0.0/8', '::1'])`, or `@IpAllowlist('office')` for one that
 * `IpAllowlists` keeps and that can be changed at run time. Else 403 `ip_not_allowed`, before any quota is counted.
 * Several of the class and of the handler add up, also on `@Public()` handlers: every one must let the address in.
 * Lists are literal: an empty or missing one lets nobody in, and neither does any for a client IP that is not known.
 * Named lists cost one call for all of them, in the same tick as the check.
 * @example
 * `@IpAllowlist('office') @IpAllowlist(['10.0.0.0/8', '::1']) @Get('admin') overview() {}`
 * @publicApi
 */
export function IpAllowlist(list: string | readonly string[]): AccessDecorator {
  return add('ipAllowlists', [ipListRef('@IpAllowlist()', list)]);
}

/**
 * The client IP must not be in this list; otherwise as `@IpAllowlist`. A named list that is missing refuses everybody:
 * only one that is there and empty refuses nobody.
 * @example
 * `@IpDenylist(['192.0.2.0/24']) @Post('sign-up') signUp() {}`
 * @publicApi
 */
export function IpDenylist(list: string | readonly string[]): AccessDecorator {
  return add('ipDenylists', [ipListRef('@IpDenylist()', list)]);
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
 * For a guard class of your own that enforces what these decorators demand, by calling `SessionGuard.canActivate()` for
 * every request that it lets in: where it stands, the boot check asks for no `SessionGuard` beside it. The check takes
 * its word. Classes that extend it count, too. For GraphQL and microservices, which `SessionGuard` does not serve, such
 * a guard is the only way to have these decorators; for microservices it stands on the handler or its class.
 * @example
 * `@EnforcesAccess() @Injectable()` stands on this class:
 * ```ts
 * export class OfficeHoursGuard implements CanActivate {
 *   constructor(private readonly sessions: SessionGuard) {}
 *
 *   canActivate(context: ExecutionContext) {
 *     return new Date().getHours() >= 8 && this.sessions.canActivate(context);
 *   }
 * }
 * ```
 * @publicApi
 */
export function EnforcesAccess(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(ENFORCES_ACCESS, true, guard);
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

/** Marks the guard that enforces `@Scopes()`. @internal */
export function EnforcesScopes(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(ENFORCES_SCOPES, true, guard);
}

/** Whether a guard class is the one that enforces `@Scopes()`. */
export function enforcesScopes(guard: object): boolean {
  return Reflect.getMetadata(ENFORCES_SCOPES, guard) === true;
}

/** Marks `SessionGuard`, which enforces what is declared where it knows the transport. @internal */
export function KnowsSessions(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(KNOWS_SESSIONS, true, guard);
}

/** Whether a guard class is `SessionGuard` or extends it. */
export function knowsSessions(guard: object): boolean {
  return Reflect.getMetadata(KNOWS_SESSIONS, guard) === true;
}

/** Whether a guard class says that it enforces what is declared. */
export function enforcesAccess(guard: object): boolean {
  return Reflect.getMetadata(ENFORCES_ACCESS, guard) === true;
}

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
 * The request's user as it is now, roles and all; `undefined` where `@CurrentSession()` is.
 * @throws Error where no guard of ours ran
 * @example
 * `@Get('me') me(@CurrentUser() user: UserState) { return { id: user.id, roles: user.roles }; }`
 * @publicApi
 */
export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext): UserState | undefined =>
    authenticated('@CurrentUser()', context)?.user,
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
    if (handler) Reflect.defineMetadata(DECLARATIONS.withData[1], true, handler);
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
  const access = requestAccessOf(context.switchToHttp().getRequest());
  if (access?.admitted === undefined) {
    throw new Error(
      `${decorator} on ${context.getClass().name}.${context.getHandler().name}: no SessionGuard ran`,
    );
  }
  return access.admitted === 'anonymous' ? undefined : access.admitted;
}

/** Declares something beside what others of its kind declare. */
function add<Name extends 'quotas' | 'ipAllowlists' | 'ipDenylists'>(
  name: Name,
  items: NonNullable<DeclaredAccess[Name]>,
): AccessDecorator {
  const [, key] = DECLARATIONS[name];
  return (target: object, _method?: PropertyKey, descriptor?: PropertyDescriptor) => {
    const declaring = (descriptor?.value ?? target) as object;
    const others = (Reflect.getOwnMetadata(key, declaring) ?? []) as readonly unknown[];
    Reflect.defineMetadata(key, [...items, ...others], declaring);
  };
}

function declare<Name extends keyof DeclaredAccess>(
  name: Name,
  value: NonNullable<DeclaredAccess[Name]>,
): AccessDecorator {
  const [decorator, key] = DECLARATIONS[name];
  return (target: object, method?: PropertyKey, descriptor?: PropertyDescriptor) => {
    const declaring = (descriptor?.value ?? target) as Function;
    if (Reflect.hasOwnMetadata(key, declaring)) {
      const where = method === undefined ? declaring.name : `${target.constructor.name}.${String(method)}`;
      // Metadata would keep one of the two and drop the other's demand without a word.
      throw new SessionConfigurationError(
        where,
        `has ${decorator} twice: write one with everything it takes`,
      );
    }
    Reflect.defineMetadata(key, value, declaring);
  };
}

function checkedNames(decorator: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new SessionConfigurationError(decorator, 'needs at least one name');
  // Not by find(): what is undefined would look as if nothing were wrong.
  const wrong = names.filter((name) => typeof name !== 'string' || !NAME_PATTERN.test(name));
  if (wrong.length === 0) return Object.freeze([...names]);
  throw new SessionConfigurationError(
    decorator,
    `takes names of 1–64 letters, digits and . _ : -, not ${String(JSON.stringify(wrong[0]))}`,
  );
}

import { Inject, Injectable, Optional, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { AccessReader } from '../guard/access-reader.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { setProblemHeaders } from '../guard/problem.js';
import { admitAs, bothOf, requestAccessOf, setRequestAccess } from '../guard/calls/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import { SessionError } from '../model/session-error.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import { isHandshake } from '../contexts/graphql/graphql.js';
import { REQUEST_TYPE } from '../handlers/contexts.js';
import { nodeRequestOf, type HttpRequest, type HttpResponse } from '../contexts/http/http.js';
import type { AccessRequirements } from '../model/decision.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { AuthenticatedSession } from '../services/sessions/session-types.js';
import { isAuthGuard, watchAuthGuard, type GuardWatcher } from './auth-guards.js';
import { installLogOut, type LogOut } from './log-out.js';
import { checkPassportOptions, PASSPORT_OPTIONS, type SessionPassportOptions } from './passport-options.js';

/** What `AuthGuard('latchkey')` puts on `request.user`, unless `toRequestUser` makes something else. @publicApi */
export type LatchkeyUser = UserState & { readonly session: Session };

/** A request behind `AuthGuard('latchkey')`, for `@Req()`. @publicApi */
export interface LatchkeyRequest<User = LatchkeyUser> {
  /** What the strategy made of the session. */
  readonly user: User;
  /** Ends the session. */
  readonly logOut: LogOut;
  /** The same. */
  readonly logout: LogOut;
}

/** Gives Passport's idea of a strategy an `authenticate` to override, and takes the verify callback that Nest adds. */
class TokenStrategy extends passport.Strategy {}

/**
 * The Passport strategy `latchkey`: `@UseGuards(AuthGuard('latchkey'))` where there was `AuthGuard('jwt')`. It reads
 * the token as `SessionGuard` does and fails with the same `SessionError`s. It knows nothing of the handler: `@Roles()`
 * and the other decorators need `SessionGuard`. It is of the one `SessionModule` that its module imports. In a list of
 * strategies, `AuthGuard(['latchkey', 'jwt'])`, a request without a token of ours is left to the next one; any other
 * denial is final.
 * @example
 * `@UseGuards(AuthGuard('latchkey')) @Get('me') me(@Req() { user }: LatchkeyRequest) { return user.id; }`
 * @publicApi
 */
@Injectable()
export class LatchkeyStrategy extends PassportStrategy(TokenStrategy, 'latchkey') implements OnModuleInit {
  private readonly options: SessionPassportOptions;
  /** Requests to `@Passive()` handlers. */
  private readonly passive = new WeakSet<object>();
  /** Requests that bring several calls, as of GraphQL: an act may come between two of them. */
  private readonly severalCalls = new WeakSet<object>();
  /** Why a request was left to the next strategy. */
  private readonly failures = new WeakMap<object, SessionError>();

  /** @internal */
  readonly watcher: GuardWatcher = {
    before: (request, context) => {
      const { requirements } = this.accesses.of(context.getHandler(), context.getClass());
      const node = nodeRequestOf(request);
      if (requirements.passive === true) this.passive.add(node);
      if (context.getType<string>() !== REQUEST_TYPE) this.severalCalls.add(node);
    },
    passed: (request) => {
      // Where another strategy knew the request, it has no session of ours: said so, decorators give `undefined`.
      const record = requestAccessOf(request, this.transport);
      const requirements = this.accesses.sessionOnly;
      if (!record) setRequestAccess(request, { realm: this.transport, requirements, admitted: 'anonymous' });
      else record.admitted ??= 'anonymous';
    },
    refused: (error, request, response) => {
      const ours = this.failures.get(nodeRequestOf(request));
      if (!ours) return error;
      // In GraphQL, Nest's guard takes the arguments of a field for it.
      if (isResponse(response)) setProblemHeaders(response, ours, request);
      return ours;
    },
  };

  /** @internal */
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
    private readonly failedTokens: FailedTokens,
    private readonly adapters: HttpAdapterHost,
    @Optional() @Inject(PASSPORT_OPTIONS) options?: SessionPassportOptions,
  ) {
    super();
    this.options = checkPassportOptions(options);
  }

  /** Passport knows one strategy of a name, and that one sessions of one `SessionModule`. */
  onModuleInit(): void {
    this.accesses.assertOwnBehind(mayTry, "AuthGuard('latchkey')");
    for (const guard of this.accesses.guards()) if (mayTry(guard)) watchAuthGuard(guard, current);
    installLogOut(this.adapters.httpAdapter, { sessions: this.sessions, transport: this.transport });
  }

  override authenticate(request: HttpRequest): void {
    this.resolveUser(request).then(
      (found) => {
        if (!(found instanceof SessionError)) return this.success(found);
        this.failures.set(nodeRequestOf(request), found);
        this.fail(found);
      },
      (error: unknown) => {
        // Express's requests know their response; on Fastify, only a filter of ours puts the headers on.
        const { res } = request as { readonly res?: HttpResponse };
        if (res && error instanceof SessionError) setProblemHeaders(res, error, request);
        this.error(error);
      },
    );
  }

  /** Nest's mixin wants one; nothing calls it, since `authenticate` verifies by itself. */
  validate(): never {
    throw new Error('LatchkeyStrategy verifies in authenticate()');
  }

  /** @returns a `SessionError` for a request with no token of ours: another strategy may know it */
  private async resolveUser(request: HttpRequest): Promise<object | SessionError> {
    const requirements = this.requirementsFor(request);
    const earlier = requestAccessOf(request, this.transport);
    // Whom the guard let in has a session already, unless one that timed out or a guest's was good enough there.
    const { allowExpired, allowGuests } = earlier?.requirements ?? {};
    const node = nodeRequestOf(request);
    const isSettled = allowExpired !== true && allowGuests !== true && !this.severalCalls.has(node);
    if (typeof earlier?.admitted === 'object' && isSettled) {
      earlier.requestUser = await this.userOf(earlier.admitted);
      return earlier.requestUser;
    }
    const record = earlier ?? setRequestAccess(request, { realm: this.transport, requirements });
    // A WebSocket's handshake is a GET that any page may send.
    const { token } = this.transport.credentialsOf(request, isHandshake(node));
    const clientIp = this.transport.clientIp(request);
    const checking = this.sessions.authenticate(token, requirements, { clientIp });
    try {
      const authenticated = await this.failedTokens.watch(checking, { token, request });
      record.requirements = bothOf(record.requirements, requirements);
      record.requestUser = await this.userOf(authenticated);
      admitAs(request, record, authenticated);
      return record.requestUser;
    } catch (error) {
      const code = error instanceof SessionError ? error.code : undefined;
      if (code === 'session_missing') return error as SessionError; // a guest is nobody, too
      const isOthers =
        code === 'session_invalid' && token !== undefined && (await this.sessions.parse(token)) === undefined;
      if (isOthers) return error as SessionError;
      throw error;
    }
  }

  private requirementsFor(request: HttpRequest): AccessRequirements {
    const { sessionOnly } = this.accesses;
    return this.passive.has(nodeRequestOf(request)) ? { ...sessionOnly, passive: true } : sessionOnly;
  }

  private async userOf(authenticated: AuthenticatedSession): Promise<object> {
    const { toRequestUser } = this.options;
    if (!toRequestUser) return { ...authenticated.user, session: authenticated.session };
    const user: unknown = await toRequestUser(authenticated);
    if (typeof user === 'object' && user !== null) return user;
    throw new SessionError('forbidden', { detail: 'The app does not know the user of the session' });
  }
}

function isResponse(value: unknown): value is HttpResponse {
  return typeof value === 'object' && value !== null && 'getHeader' in value;
}

/** Passport's: the one that was made last. */
function current(): GuardWatcher | undefined {
  const { latchkey } = strategies();
  return latchkey instanceof LatchkeyStrategy ? latchkey.watcher : undefined;
}

function strategies(): Readonly<Record<string, unknown>> {
  return (Reflect.get(passport, '_strategies') as Record<string, unknown> | undefined) ?? {};
}

/**
 * Whether a guard may try this strategy. One of a list of strategies, or of a default one, does not say which: it
 * counts unless it is Passport's for one other strategy.
 */
function mayTry(guard: Function): boolean {
  if (!isAuthGuard(guard)) return false;
  return !Object.keys(strategies()).some((name) => name !== 'latchkey' && isA(guard, AuthGuard(name)));
}

function isA(guard: Function, kind: Function): boolean {
  return guard === kind || guard.prototype instanceof kind;
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { AccessReader } from '../guard/access-reader.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { setProblemHeaders } from '../guard/problem.js';
import { admitAs, bothOf, requestAccessOf, setRequestAccess } from '../guard/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import { SessionError } from '../model/session-error.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import type { HttpRequest, HttpResponse } from '../contexts/http/http.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { AuthenticatedSession } from '../services/sessions/session-types.js';

/** What `AuthGuard('latchkey')` puts on `request.user`. @publicApi */
export type LatchkeyUser = UserState & { readonly session: Session };

/** Gives Passport's idea of a strategy an `authenticate` to override, and takes the verify callback that Nest adds. */
class TokenStrategy extends passport.Strategy {}

/**
 * The Passport strategy `latchkey`: `@UseGuards(AuthGuard('latchkey'))` where there was `AuthGuard('jwt')`. It reads
 * the token as `SessionGuard` does and fails with the same `SessionError`s. It knows nothing of the handler: `@Roles()`
 * and the other decorators need `SessionGuard`. It is of the one `SessionModule` that its module imports. In a list of
 * strategies it comes last, because it lets none after it try.
 * @example
 * `@UseGuards(AuthGuard('latchkey')) @Get('me') me(@Req() { user }: { user: LatchkeyUser }) { return user.id; }`
 * @publicApi
 */
@Injectable()
export class LatchkeyStrategy extends PassportStrategy(TokenStrategy, 'latchkey') implements OnModuleInit {
  /** @internal */
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
    private readonly failedTokens: FailedTokens,
  ) {
    super();
  }

  /** Passport knows one strategy of a name, and that one sessions of one `SessionModule`. */
  onModuleInit(): void {
    this.accesses.assertOwnBehind(mayTry, "AuthGuard('latchkey')");
  }

  override authenticate(request: HttpRequest): void {
    this.resolveUser(request).then(
      (user) => this.success(user),
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

  private async resolveUser(request: HttpRequest): Promise<LatchkeyUser> {
    const requirements = this.accesses.sessionOnly;
    const earlier = requestAccessOf(request, this.transport);
    // Whom the guard let in has a session already, unless one that timed out or a guest's was good enough there.
    const { allowExpired, allowGuests } = earlier?.requirements ?? {};
    if (typeof earlier?.admitted === 'object' && allowExpired !== true && allowGuests !== true)
      return userOf(earlier.admitted);
    const record = earlier ?? setRequestAccess(request, { realm: this.transport, requirements });
    const token = this.transport.readToken(request);
    const clientIp = this.transport.clientIp(request);
    const checking = this.sessions.authenticate(token, requirements, { clientIp });
    const authenticated = await this.failedTokens.watch(checking, { token, request });
    record.requirements = bothOf(record.requirements, requirements);
    admitAs(request, record, authenticated);
    return userOf(authenticated);
  }
}

/**
 * Whether a guard may try this strategy. One of a list of strategies, or of a default one, does not say which: it
 * counts unless it is Passport's for one other strategy.
 */
function mayTry(guard: Function): boolean {
  const prototype: unknown = guard.prototype;
  if (typeof prototype !== 'object' || prototype === null) return false;
  if (!('getAuthenticateOptions' in prototype && 'handleRequest' in prototype)) return false;
  const others = Object.keys((Reflect.get(passport, '_strategies') as object | undefined) ?? {});
  return !others.some((name) => name !== 'latchkey' && isA(guard, AuthGuard(name)));
}

function isA(guard: Function, kind: Function): boolean {
  return guard === kind || guard.prototype instanceof kind;
}

function userOf({ user, session }: AuthenticatedSession): LatchkeyUser {
  return { ...user, session };
}

import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { AccessReader } from '../guard/access-reader.js';
import { FailedTokens } from '../guard/failed-tokens.js';
import { admitAs, setRequestAccess } from '../guard/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import type { Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import type { HttpRequest } from '../platform/http.js';
import { SessionService } from '../session.service.js';

/** What `AuthGuard('latchkey')` puts on `request.user`. @publicApi */
export type LatchkeyUser = UserState & { readonly session: Session };

/** Gives Passport's idea of a strategy an `authenticate` to override, and takes the verify callback that Nest adds. */
class TokenStrategy extends passport.Strategy {}

/**
 * The Passport strategy `latchkey`: `@UseGuards(AuthGuard('latchkey'))` where there was `AuthGuard('jwt')`. It reads the
 * token as `SessionGuard` does and fails with the same `SessionError`s. It knows nothing of the handler: `@Roles()` and
 * the other decorators need `SessionGuard`. In a list of strategies it comes last, because it lets none after it try.
 * @publicApi
 */
@Injectable()
export class LatchkeyStrategy extends PassportStrategy(TokenStrategy, 'latchkey') {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
    private readonly failedTokens: FailedTokens,
  ) {
    super();
  }

  override authenticate(request: HttpRequest): void {
    this.resolveUser(request).then(
      (user) => this.success(user),
      (error: unknown) => this.error(error),
    );
  }

  /** Nest's mixin wants one; nothing calls it, since `authenticate` verifies by itself. */
  validate(): never {
    throw new Error('LatchkeyStrategy verifies in authenticate()');
  }

  private async resolveUser(request: HttpRequest): Promise<LatchkeyUser> {
    const requirements = this.accesses.sessionOnly;
    const record = setRequestAccess(request, { requirements });
    const token = this.transport.readToken(request);
    const clientIp = this.transport.clientIp(request);
    const checking = this.sessions.authenticate(token, requirements, { clientIp });
    const authenticated = await this.failedTokens.watch(checking, { token, request });
    admitAs(request, record, authenticated);
    return { ...authenticated.user, session: authenticated.session };
  }
}

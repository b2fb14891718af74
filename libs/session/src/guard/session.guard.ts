import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { DenyReason } from '../model/decision.js';
import { SessionError, denialError } from '../model/session-error.js';
import type { HttpRequest } from '../platform/http.js';
import { SessionService } from '../session.service.js';
import type { Access } from './access.js';
import { AccessReader } from './access-reader.js';
import { admitAs, requestAccessOf, setRequestAccess } from './request-access.js';
import { SessionTransport } from './session-transport.js';

/** The denials that leave the client being nobody, as if it had come without a session. */
const LEAVES_NOBODY: Readonly<Record<DenyReason, boolean>> = {
  session_missing: true,
  session_invalid: true,
  session_revoked: true,
  session_expired: true,
  user_blocked: false,
  reauthentication_required: false,
  forbidden: false,
};

/**
 * Lets a request in if its session meets what the handler's and the class's decorators demand; else throws the
 * `SessionError` of the first denial that applies. Sets `request.user`. Serves HTTP, and refuses anything else.
 * @publicApi
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const type = context.getType<string>();
    if (type !== 'http')
      throw new SessionError('forbidden', { detail: `SessionGuard does not serve '${type}'` });
    const access = this.accesses.of(context.getHandler(), context.getClass());
    // Argument 0 is what switchToHttp().getRequest() gives, without the object that it makes on every request.
    const request = context.getArgByIndex<HttpRequest>(0);
    const { token } = this.transport.credentialsOf(request);
    if (access.mode === 'public') return admitToPublic(request, access);
    return wasAdmitted(request, access) || this.admit(request, access, token);
  }

  private async admit(request: HttpRequest, access: Access, token: string | undefined): Promise<boolean> {
    const { mode, requirements } = access;
    const record = setRequestAccess(request, { requirements });
    const decision = await this.sessions.decide(token, requirements);
    if (decision.permit) {
      admitAs(request, record, decision);
    } else if (mode === 'optional' && LEAVES_NOBODY[decision.reason]) {
      record.admitted = 'anonymous';
    } else {
      throw denialError(decision);
    }
    return true;
  }
}

/** What stands in the global guard's place while there is none. */
export const NO_GUARD: CanActivate = { canActivate: () => true };

function admitToPublic(request: HttpRequest, { requirements }: Access): true {
  if (!requestAccessOf(request)?.admitted) setRequestAccess(request, { requirements, admitted: 'anonymous' });
  return true;
}

/** Whether this request was let in by the very same requirements already, by the global guard before one of a class. */
function wasAdmitted(request: HttpRequest, { mode, requirements }: Access): boolean {
  const earlier = requestAccessOf(request);
  if (earlier?.admitted === undefined || earlier.requirements !== requirements) return false;
  return mode === 'optional' || earlier.admitted !== 'anonymous';
}

import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Decision, DenyReason } from '../model/decision.js';
import { SessionError, denialError } from '../model/session-error.js';
import type { HttpRequest, HttpResponse } from '../platform/http.js';
import { IpPolicy } from '../ip-policy.service.js';
import { isBeforeQuotas } from '../policy/decide.js';
import type { Examination } from '../session.examiner.js';
import { SessionService } from '../session.service.js';
import type { Access } from './access.js';
import { AccessReader } from './access-reader.js';
import { FailedTokens } from './failed-tokens.js';
import { type MessageCheck, messageCheckOf } from './message-check.js';
import { admitAs, requestAccessOf, setRequestAccess } from './request-access.js';
import { RequestQuotas, setQuotaHeaders } from './request-quotas.js';
import { SessionTransport } from './session-transport.js';

/** The denials that leave the client being nobody, as if it had come without a session. */
const LEAVES_NOBODY: Readonly<Record<DenyReason, boolean>> = {
  session_missing: true,
  session_invalid: true,
  session_revoked: true,
  session_expired: true,
  user_blocked: false,
  ip_not_allowed: false,
  reauthentication_required: false,
  rate_limited: false,
  forbidden: false,
};

interface Http {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
}

/**
 * Lets a request in if its session meets what the handler's and the class's decorators demand; else throws the
 * `SessionError` of the first denial that applies. Sets `request.user`. Serves HTTP, and
 * WebSocket messages behind `SessionWsAdapter`; refuses anything else.
 * @publicApi
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
    private readonly quotas: RequestQuotas,
    private readonly ip: IpPolicy,
    private readonly failedTokens: FailedTokens,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const type = context.getType<string>();
    const check = type === 'ws' ? messageCheckOf(context) : undefined;
    if (check) return this.admitMessage(check, context);
    if (type !== 'http')
      throw new SessionError('forbidden', { detail: `SessionGuard does not serve '${type}'` });
    const access = this.accesses.of(context.getHandler(), context.getClass());
    // Argument 0 is what switchToHttp().getRequest() gives, without the object that it makes on every request.
    const request = context.getArgByIndex<HttpRequest>(0);
    const { token } = this.transport.credentialsOf(request);
    const http = { request, response: context.getArgByIndex<HttpResponse>(1) };
    if (access.mode === 'public' || access.mode === 'service') {
      const isFree = access.quotas.length === 0 && !access.requirements.ip;
      return isFree ? admitToPublic(request, access) : this.admitNobody(http, access);
    }
    return wasAdmitted(request, access) || this.admit(http, access, token);
  }

  /** Behind SessionWsAdapter the message is checked by this very handler's requirements, once for all guards. */
  private async admitMessage(check: MessageCheck, context: ExecutionContext): Promise<boolean> {
    await check.pass(context);
    return requestAccessOf(context.getArgByIndex(0))?.admitted !== undefined;
  }

  private async admit(http: Http, access: Access, token: string | undefined): Promise<boolean> {
    const { mode, requirements } = access;
    const record = setRequestAccess(http.request, { requirements });
    const decision =
      access.quotas.length === 0
        ? (await this.examine(http, access, token)).decision
        : await this.decideWithQuotas(http, access, token);
    if (access.quotas.length === 0 && decision.quotas.length > 0)
      setQuotaHeaders(http.response, decision.quotas);
    if (!decision.permit && decision.reason === 'session_invalid')
      await this.failedTokens.charge(token, http.request);
    if (decision.permit) {
      admitAs(http.request, record, decision);
    } else if (mode === 'optional' && LEAVES_NOBODY[decision.reason]) {
      return this.admitNobody(http, access);
    } else {
      throw denialError(decision);
    }
    return true;
  }

  private examine(http: Http, access: Access, token: string | undefined): Promise<Examination> {
    const clientIp = this.transport.clientIp(http.request);
    return this.sessions.examine(token, access.requirements, { isActivity: true, clientIp });
  }

  private async decideWithQuotas(http: Http, access: Access, token: string | undefined): Promise<Decision> {
    // Whom the handler's own lists refuse is counted nowhere, not even until it is given back.
    const verdict = this.ip.judge(access.requirements.ip, this.transport.clientIp(http.request));
    const consumptions = this.quotas.consumptionsOf(access, http.request);
    // Once it has begun nothing here may throw: if the check fails then, nobody would be there to hear of it.
    const checking = this.examine(http, access, token).then(({ decision }) => decision);
    if (verdict.refusedRoles === 'all') {
      const decision = await checking;
      if (isBeforeQuotas(decision)) return decision;
    }
    return this.quotas.decide(consumptions, { access, response: http.response, checking });
  }

  /** Here the addresses come first and then the quotas: nobody is counted who may not come. */
  private async admitNobody(http: Http, access: Access): Promise<boolean> {
    await this.ip.assertAdmits(access.requirements.ip, this.transport.clientIp(http.request));
    if (access.quotas.length === 0) return admitToPublic(http.request, access);
    const quotas = await this.quotas.admit(access, http);
    if (quotas.some(({ allowed }) => !allowed)) throw denialError({ reason: 'rate_limited', quotas });
    return admitToPublic(http.request, access);
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

import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { AccessRequirements, Decision } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';
import { SessionError, denialError } from '../model/session-error.js';
import type { GuardedCall } from '../contexts/http/guarded-call.js';
import { type HttpRequest, type HttpResponse, isHeadSent } from '../contexts/http/http.js';
import { showWayOut } from '../contexts/http/way-out.js';
import { REQUEST_TYPE } from '../handlers/contexts.js';
import { IpPolicy } from '../services/ip/ip-policy.service.js';
import { isBeforeQuotas } from '../rules/decide.js';
import type { TokenCheckResult } from '../services/sessions/token-check.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { Access } from '../rules/access.js';
import { AccessReader } from './access-reader.js';
import { accessOfCall, Calls } from './calls/calls.js';
import { KnowsSessions } from './decorators/guard-markers.js';
import { FailedTokens } from './failed-tokens.js';
import { messageCheckOf } from './calls/message-check.js';
import { setProblemHeaders } from './problem.js';
import {
  admitAs,
  admitNobodyTo,
  bothOf,
  type RequestAccess,
  requestAccessOf,
  setRequestAccess,
  wasAdmitted,
} from './calls/request-access.js';
import { RequestQuotas, setQuotaHeaders, setUntouchedQuotaHeaders } from './request-quotas.js';
import { SessionTransport } from './session-transport.js';
import { SharedChecks } from './calls/shared-checks.js';
import { CHECKS } from '../telemetry/channels.js';
import { tellCheck, tellFailedCheck } from '../telemetry/tell.js';

/**
 * Lets a request in if its session meets what the handler's and the class's decorators demand; else throws the
 * `SessionError` of the first denial that applies, with its headers on the response. Sets `request.user`. Serves HTTP,
 * GraphQL, messages of microservices, WebSocket messages behind an adapter of ours, and what the option `contexts` names;
 * anywhere else it lets in to `@Public()` handlers without quotas and lists of addresses, and refuses the rest. With
 * several `SessionModule`s in an app, each handler is left to the one that its module imports.
 * @example
 * `@UseGuards(SessionGuard) @Get('me') me(@CurrentUser() user: UserState) { return user.id; }`
 * @publicApi
 */
@KnowsSessions()
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly shared = new SharedChecks();

  /** @internal */
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly accesses: AccessReader,
    private readonly quotas: RequestQuotas,
    private readonly ip: IpPolicy,
    private readonly failedTokens: FailedTokens,
    private readonly calls: Calls,
  ) {}

  /** Whether it looks sessions up by these settings, and not by those of another `SessionModule`. @internal */
  isOf(settings: object): boolean {
    return this.accesses.isOf(settings);
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    const place = this.accesses.placeOf(handler, controller);
    if (place === 'aside') return true;
    const access = this.accesses.of(handler, controller);
    // Somebody called it by hand, as a guard of the app's own does: nobody's session of this module is good there.
    if (place === 'foreign' && access.mode !== 'public' && access.mode !== 'service')
      throw new SessionError('forbidden', { detail: 'The handler belongs to another SessionModule' });
    const type = context.getType<string>();
    // Arguments 0 and 1 are what switchToHttp() gives, without the object that it makes on every request.
    const call: GuardedCall | undefined =
      type === REQUEST_TYPE
        ? { request: context.getArgByIndex<HttpRequest>(0), response: context.getArgByIndex<HttpResponse>(1) }
        : this.calls.of(context, type);
    if (call && CHECKS.hasSubscribers) return this.admitAndTell(call, access, type);
    return call ? this.admitCall(call, access) : this.admitElsewhere(context, type, access);
  }

  /** As `admitCall`. Where nothing had to be asked, as behind a guard that has decided already, there is nothing to tell. */
  private admitAndTell(call: GuardedCall, access: Access, context: string): boolean | Promise<boolean> {
    const begun = { realm: this.sessions.realm, context, startedAt: performance.now() };
    const onError = (error: unknown): never => {
      tellFailedCheck(begun, error);
      throw error;
    };
    try {
      const admitting = this.admitCall(call, access);
      if (typeof admitting === 'boolean') return admitting;
      return admitting.then((isAdmitted) => {
        const as = requestAccessOf(unitOf(call), this.transport)?.admitted;
        tellCheck(begun, {
          decision: 'permit',
          userId: typeof as === 'object' ? as.session.userId : undefined,
        });
        return isAdmitted;
      }, onError);
    } catch (error) {
      return onError(error);
    }
  }

  private admitCall(call: GuardedCall, access: Access): boolean | Promise<boolean> {
    try {
      const { token } = call.credentials ?? this.transport.credentialsOf(call.request, call.isUnsafe);
      const record = requestAccessOf(unitOf(call), this.transport);
      if (record && wasAdmitted(record, access)) return true;
      if (access.mode !== 'public' && access.mode !== 'service')
        return this.admit(call, access, { token, record });
      const isFree = access.quotas.length === 0 && !access.requirements.ip;
      return isFree ? admitNobodyTo(unitOf(call), this.transport, access) : this.admitNobody(call, access);
    } catch (error) {
      throw denied(call, access, error);
    }
  }

  /**
   * Where no request is behind a call, only what asks for no check may run. A message behind an adapter of ours brings its
   * check along, which whichever guard comes first sets going.
   */
  private admitElsewhere(context: ExecutionContext, type: string, access: Access): true | Promise<true> {
    const check = messageCheckOf(context);
    if (check) return check.pass(context).then(() => this.assertAdmitted(context));
    if (access.mode === 'public' && access.quotas.length === 0 && !access.requirements.ip) return true;
    throw new SessionError('forbidden', { detail: `SessionGuard does not serve '${type}'` });
  }

  private assertAdmitted(context: ExecutionContext): true {
    if (accessOfCall(context, this.transport)?.admitted) return true;
    throw new SessionError('forbidden', { detail: 'The connection belongs to another SessionModule' });
  }

  private async admit(
    call: GuardedCall,
    access: Access,
    {
      token,
      record: earlier,
    }: { readonly token: string | undefined; readonly record: RequestAccess | undefined },
  ): Promise<boolean> {
    const { mode, requirements } = access;
    const record = setRequestAccess(unitOf(call), {
      realm: this.transport,
      requirements: earlier?.admitted ? bothOf(earlier.requirements, requirements) : requirements,
      access,
    });
    try {
      const decision =
        access.quotas.length === 0
          ? (await this.checkToken(call, access, token)).decision
          : await this.decideWithQuotas(call, access, token);
      if (access.quotas.length === 0 && decision.quotas.length > 0)
        setQuotaHeaders(call.response, decision.quotas);
      if (!decision.permit && decision.reason === 'session_invalid')
        await this.failedTokens.charge(token, call.request);
      if (decision.permit) admitAs(call.request, record, decision);
      else if (mode !== 'optional' || !DENIALS[decision.reason].leavesNobody) throw denialError(decision);
      else return await this.admitNobody(call, access);
    } catch (error) {
      throw denied(call, access, error);
    }
    return true;
  }

  private checkToken(
    call: GuardedCall,
    access: Access,
    token: string | undefined,
  ): Promise<TokenCheckResult> {
    const { requirements } = access;
    const isShared = call.sharesCheck === true && access.quotas.length === 0 && !requirements.quotas;
    if (!isShared) return this.ask(call, requirements, token);
    const ask = (): Promise<TokenCheckResult> => this.ask(call, requirements, token);
    return this.shared.share(call.request, { token, requirements, ask });
  }

  private ask(
    { request, response }: GuardedCall,
    requirements: AccessRequirements,
    token: string | undefined,
  ): Promise<TokenCheckResult> {
    const clientIp = this.transport.clientIp(request);
    const checking = this.sessions.checkToken(token, requirements, { isActivity: true, clientIp });
    if (!response || !this.transport.tellsExpiry) return checking;
    return checking.then((result) => {
      const { decision, now } = result;
      if (decision.permit && now !== undefined) this.transport.tellExpiry(response, decision.session, now);
      return result;
    });
  }

  private async decideWithQuotas(
    call: GuardedCall,
    access: Access,
    token: string | undefined,
  ): Promise<Decision> {
    // Whom the handler's own lists refuse is counted nowhere, not even until it is given back.
    const verdict = this.ip.judge(access.requirements.ip, this.transport.clientIp(call.request));
    const consumptions = this.quotas.consumptionsOf(access, call.request);
    // Once it has begun nothing here may throw: if the check fails then, nobody would be there to hear of it.
    const checking = this.checkToken(call, access, token).then(({ decision }) => decision);
    if (verdict.refusedRoles === 'all') {
      const decision = await checking;
      if (isBeforeQuotas(decision)) return decision;
    }
    return this.quotas.decide(consumptions, { access, response: call.response, checking });
  }

  /** Here the addresses come first and then the quotas: nobody is counted who may not come. */
  private async admitNobody(call: GuardedCall, access: Access): Promise<boolean> {
    try {
      await this.ip.assertAdmits(access.requirements.ip, this.transport.clientIp(call.request));
      if (access.quotas.length > 0) {
        const quotas = await this.quotas.admit(access, call);
        if (quotas.some(({ allowed }) => !allowed)) throw denialError({ reason: 'rate_limited', quotas });
      }
      setUntouchedQuotaHeaders(call.response, access);
    } catch (error) {
      throw denied(call, access, error);
    }
    return admitNobodyTo(unitOf(call), this.transport, access);
  }
}

/** What stands in the global guard's place while there is none. */
export const NO_GUARD: CanActivate = { canActivate: () => true };

function unitOf(call: GuardedCall): object {
  return call.unit ?? call.request;
}

/** Puts on the response what belongs to a denial: whatever filter answers it, the headers are there. */
function denied({ request, response, unit }: GuardedCall, access: Access, error: unknown): unknown {
  if (!(error instanceof SessionError) || !response || isHeadSent(response)) return error;
  setUntouchedQuotaHeaders(response, access);
  // A reply to several calls has the status of none of them, but it takes back what would stop them all again.
  if (unit) showWayOut(response, error);
  else setProblemHeaders(response, error, request);
  return error;
}

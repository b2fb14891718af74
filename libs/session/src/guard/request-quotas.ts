import { Inject, Injectable } from '@nestjs/common';
import type { Decision } from '../model/decision.js';
import type { QuotaPolicy, QuotaResult } from '../model/quota.js';
import { type HttpRequest, type HttpResponse, setHeader } from '../platform/http.js';
import { quotaPartitionOfIp } from '../platform/ip-address.js';
import { isBeforeQuotas, withQuotas } from '../policy/decide.js';
import { quotaHeaders } from '../rate-limit/quota-headers.js';
import type { QuotaRequest, SessionRepository } from '../repository/session-repository.js';
import { SESSION_REPOSITORY } from '../session.injection-keys.js';
import type { Access } from './access.js';
import type { QuotaRule } from './quota-rule.js';
import { SessionTransport } from './session-transport.js';

type Consumption = Pick<QuotaRequest, 'policy' | 'partition'>;

/** A check that is under way. */
interface Check {
  readonly access: Access;
  readonly response: HttpResponse;
  readonly checking: Promise<Decision>;
}

/** The quotas of a request that live with no user: sent in the same tick as the check, so they cost no time of their own. */
@Injectable()
export class RequestQuotas {
  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    private readonly transport: SessionTransport,
  ) {}

  /**
   * The decision with those quotas, and its headers on the response. Consumed are all quotas of the request or none:
   * what was consumed here is given back if the request is refused before or because of its quotas, and so is what the
   * check consumed if it is refused because of these. Of a user who lacks the role besides, the latter is not given back.
   */
  async decide(
    consumptions: readonly Consumption[],
    { access, response, checking }: Check,
  ): Promise<Decision> {
    const [checked, ...elsewhere] = await Promise.all([
      checking,
      ...consumptions.map((consumption) => this.apply('consume', consumption)),
    ]);
    const decision = withQuotas(checked, elsewhere);
    if (isRefused(decision)) {
      await this.giveBack(consumptions.filter((_, i) => elsewhere[i]?.allowed));
      if (checked.quotas.every(({ allowed }) => allowed))
        await this.giveBack(this.ofUser(access.requirements, checked));
    }
    if (decision.quotas.length > 0) setQuotaHeaders(response, decision.quotas);
    return decision;
  }

  /** As `decide`, for a request that comes as nobody. @returns whether it may come */
  async admit(
    access: Access,
    http: { readonly request: HttpRequest; readonly response: HttpResponse },
  ): Promise<readonly QuotaResult[]> {
    const results = await this.consume(access, http.request);
    setQuotaHeaders(http.response, [...(access.requirements.quotas ?? []).map(fullShare), ...results]);
    return results;
  }

  /** As `admit`, where there is no response to put headers on. */
  async consume(access: Access, request: HttpRequest): Promise<readonly QuotaResult[]> {
    const consumptions = this.consumptionsOf(access, request);
    const results = await Promise.all(consumptions.map((consumption) => this.apply('consume', consumption)));
    if (results.some(({ allowed }) => !allowed)) {
      await this.giveBack(consumptions.filter((_, i) => results[i]?.allowed));
    }
    return results;
  }

  /** What a request has to consume. Throws what the app's own function throws. */
  consumptionsOf({ quotas: rules }: Access, request: HttpRequest): readonly Consumption[] {
    return rules.map((rule) => this.consumptionOf(rule, request));
  }

  private consumptionOf({ policy, by }: QuotaRule, request: HttpRequest): Consumption {
    const key =
      typeof by === 'function'
        ? `fn:${by(request) ?? ''}`
        : `ip:${quotaPartitionOfIp(this.transport.clientIp(request))}`;
    return { policy, partition: { key } };
  }

  private ofUser(requirements: Access['requirements'], checked: Decision): Consumption[] {
    if (!('session' in checked) || checked.quotas.length === 0) return [];
    const { session } = checked;
    return (requirements.quotas ?? []).map((quota) => ({
      policy: quota,
      partition: { userId: session.userId, ...(quota.by === 'session' ? { sessionId: session.id } : {}) },
    }));
  }

  private apply(operation: 'consume' | 'refund', consumption: Consumption): Promise<QuotaResult> {
    return this.repository.quota({ operation, ...consumption, cost: 1 });
  }

  private async giveBack(consumptions: readonly Consumption[]): Promise<void> {
    // What cannot be given back now comes back with time.
    await Promise.allSettled(consumptions.map((consumption) => this.apply('refund', consumption)));
  }
}

function isRefused(decision: Decision): boolean {
  return isBeforeQuotas(decision) || (!decision.permit && decision.reason === 'rate_limited');
}

export function setQuotaHeaders(response: HttpResponse, quotas: readonly QuotaResult[]): void {
  const { 'RateLimit-Policy': policies, RateLimit: limits } = quotaHeaders(quotas);
  setHeader(response, 'RateLimit-Policy', policies);
  setHeader(response, 'RateLimit', limits);
}

const untouched = new WeakMap<Access, ReturnType<typeof quotaHeaders>>();

/** Tells of a handler's quotas where none was counted: as a full share each, because nobody's state is known then. */
export function setUntouchedQuotaHeaders(response: HttpResponse, access: Access): void {
  const { requirements, quotas } = access;
  if ((requirements.quotas ?? []).length + quotas.length === 0) return;
  if (response.getHeader('RateLimit') !== undefined) return;
  let headers = untouched.get(access);
  if (!headers) {
    const results = [...(requirements.quotas ?? []), ...quotas.map(({ policy }) => policy)].map(fullShare);
    untouched.set(access, (headers = quotaHeaders(results)));
  }
  setHeader(response, 'RateLimit-Policy', headers['RateLimit-Policy']);
  setHeader(response, 'RateLimit', headers.RateLimit);
}

function fullShare(policy: QuotaPolicy): QuotaResult {
  return { ...policy, allowed: true, remaining: policy.burst, retryAfterMs: 0, resetMs: 0 };
}

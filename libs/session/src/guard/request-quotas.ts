import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Decision } from '../model/decision.js';
import type { QuotaPolicy, QuotaResult } from '../model/quota.js';
import { SessionError } from '../model/session-error.js';
import type { GuardedCall } from '../contexts/http/guarded-call.js';
import { type HttpRequest, type HttpResponse, setHeader } from '../contexts/http/http.js';
import { quotaPartitionOfIp } from '../rules/ip-address.js';
import { isBeforeQuotas, withQuotas } from '../rules/decide.js';
import { quotaHeaders } from '../contexts/http/quota-headers.js';
import { QuotaShares, type Taking } from '../services/rate-limiter/quota-shares.js';
import type { QuotaShare } from '../services/rate-limiter/quota-refunds.js';
import type { QuotaRequest, SessionRepository } from '../storage/contract/session-repository.js';
import { SESSION_REPOSITORY, SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings } from '../options/settings.js';
import { tellRefusals } from '../telemetry/tell.js';
import type { Access } from '../rules/access.js';
import { type QuotaRule, shareOf } from '../rules/quota-rule.js';
import { LocalQuotas } from '../services/rate-limiter/local-quotas.js';
import { RecentRefusals } from '../services/rate-limiter/recent-refusals.js';
import { SessionTransport } from './session-transport.js';

type Consumption = QuotaShare;

/** For how long a share can be given back: that it was taken in vain is known after one call. */
const RECEIPT_TERM_MS = 3_000;
const NOTHING: Taking = { results: [], taken: [] };

/** A check that is under way. */
interface Check {
  readonly access: Access;
  readonly response: HttpResponse | undefined;
  readonly checking: Promise<Decision>;
}

/** The quotas of a request that live with no user: sent in the same tick as the check, so they cost no time of their own. */
@Injectable()
export class RequestQuotas implements OnApplicationShutdown {
  private readonly shares: QuotaShares;
  private readonly refusals = new RecentRefusals();
  private readonly local: LocalQuotas;

  constructor(
    @Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository,
    private readonly transport: SessionTransport,
    @Inject(SESSION_SETTINGS) private readonly settings: Pick<SessionSettings, 'realm'>,
  ) {
    this.shares = new QuotaShares(repository, RECEIPT_TERM_MS, settings.realm);
    this.local = new LocalQuotas(settings.realm);
  }

  onApplicationShutdown(): void {
    this.shares.close();
  }

  /**
   * The decision with those quotas, and its headers on the response. Consumed are all quotas of the request or none:
   * what was consumed here is given back if the request is refused before or because of its quotas, and so is what the
   * check consumed if it is refused because of these. Of a user who lacks the role besides, the latter is not given back.
   */
  async decide(
    consumptions: readonly Consumption[],
    { access, response, checking }: Check,
  ): Promise<Decision> {
    const taking = this.takeBeside(checking, consumptions);
    const [checked, { results, taken }] = await Promise.all([checking, taking]).catch((error: unknown) => {
      // The one that succeeded is of no use without the other. Nobody waits until it is given back.
      void taking.then((one) => this.shares.giveBack(one.taken)).catch(() => undefined);
      void checking.then((one) => this.giveBackOfUser(access, one)).catch(() => undefined);
      throw error;
    });
    const decision = withQuotas(checked, results);
    if (isRefused(decision)) {
      if (isRefused(checked)) this.refusals.note(consumptions);
      await Promise.all([this.shares.giveBack(taken), this.giveBackOfUser(access, checked)]);
    }
    if (decision.quotas.length > 0) setQuotaHeaders(response, decision.quotas);
    return decision;
  }

  /** As `decide`, for a request that comes as nobody. @returns whether it may come */
  async admit(
    access: Access,
    { request, response }: Pick<GuardedCall, 'request' | 'response'>,
  ): Promise<readonly QuotaResult[]> {
    const results = await this.consume(access, request);
    setQuotaHeaders(response, [...(access.requirements.quotas ?? []).map(fullShare), ...results]);
    return results;
  }

  /** As `admit`, where there is no response to put headers on. */
  async consume(access: Access, request: HttpRequest): Promise<readonly QuotaResult[]> {
    const shares = this.consumptionsOf(access, request);
    try {
      return (await this.take(shares)).results;
    } catch (error) {
      if (!access.countsLocally || !isStoreAway(error)) throw error;
      return this.local.take(shares);
    }
  }

  /**
   * As a rule all at once, in the tick of the check. Shares that were lately taken in vain are taken after the check, and
   * one after the other: then nobody else finds them gone.
   */
  private async takeBeside(checking: Promise<Decision>, shares: readonly Consumption[]): Promise<Taking> {
    if (!this.refusals.suspectsFirst(shares)) return this.take(shares);
    const peeks = Promise.all(shares.map((share) => this.repository.quota({ operation: 'peek', ...share })));
    const [checked, results] = await Promise.all([checking, peeks]);
    if (isRefused(checked) || results.some(({ allowed }) => !allowed)) {
      if (!isRefused(checked)) tellRefusals(this.settings.realm, results);
      return { results, taken: [] };
    }
    return this.take(shares);
  }

  private async take(shares: readonly Consumption[]): Promise<Taking> {
    if (shares.length === 0) return NOTHING;
    const order = this.refusals.suspectsFirst(shares);
    const taking = order ? await this.shares.takeInTurn(order) : await this.shares.takeAtOnce(shares);
    const ofOrder = order ?? shares;
    const refuser = ofOrder[taking.results.findIndex(({ allowed }) => !allowed)];
    if (refuser && shares.length > 1) this.refusals.note([refuser]);
    const results = shares.flatMap((share) => taking.results[ofOrder.indexOf(share)] ?? []);
    return { results, taken: taking.taken };
  }

  /** What a request has to consume. Throws what the app's own function throws. */
  consumptionsOf({ quotas: rules }: Access, request: HttpRequest): readonly Consumption[] {
    return rules.map((rule) => this.consumptionOf(rule, request));
  }

  private consumptionOf({ policy, by }: QuotaRule, request: HttpRequest): Consumption {
    const key =
      typeof by === 'function'
        ? `fn:${shareOf(policy, by, request)}`
        : `ip:${quotaPartitionOfIp(this.transport.clientIp(request))}`;
    return { policy, partition: { key }, cost: 1 };
  }

  /** What the check consumed. */
  private async giveBackOfUser({ requirements }: Access, checked: Decision): Promise<void> {
    if (!('session' in checked) || checked.quotas.length === 0) return;
    if (!checked.quotas.every(({ allowed }) => allowed)) return;
    const { session } = checked;
    const refunds = (requirements.quotas ?? []).map((policy): QuotaRequest => {
      const ofSession = policy.by === 'session' ? { sessionId: session.id } : {};
      return { operation: 'refund', policy, partition: { userId: session.userId, ...ofSession }, cost: 1 };
    });
    // What cannot be given back now comes back with time.
    await Promise.allSettled(refunds.map((refund) => this.repository.quota(refund)));
  }
}

function isStoreAway(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'session_store_unavailable';
}

function isRefused(decision: Decision): boolean {
  return isBeforeQuotas(decision) || (!decision.permit && decision.reason === 'rate_limited');
}

export function setQuotaHeaders(response: HttpResponse | undefined, quotas: readonly QuotaResult[]): void {
  if (!response) return;
  const { 'RateLimit-Policy': policies, RateLimit: limits } = quotaHeaders(quotas);
  setHeader(response, 'RateLimit-Policy', policies);
  setHeader(response, 'RateLimit', limits);
}

const untouched = new WeakMap<Access, ReturnType<typeof quotaHeaders>>();

/** Tells of a handler's quotas where none was counted: as a full share each, because nobody's state is known then. */
export function setUntouchedQuotaHeaders(response: HttpResponse | undefined, access: Access): void {
  const { requirements, quotas } = access;
  if (!response || (requirements.quotas ?? []).length + quotas.length === 0) return;
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

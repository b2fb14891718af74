import { NO_DATA } from '../data/session-data-store.js';
import type { IpPolicy } from '../ip/ip-policy.service.js';
import type { AccessRequirements, Decision, TokenLookup } from '../../model/decision.js';
import type { IpVerdict } from '../../model/ip-list.js';
import type { UserQuota } from '../../model/quota.js';
import type { Session } from '../../model/session.js';
import type { StoredData } from '../../model/session-data.js';
import { admitsGuests, decide } from '../../rules/decide.js';
import { isSameVerdict } from '../../rules/ip-ranges.js';
import type {
  LoadFirst,
  RequestDemand,
  SessionRepository,
  TokenProof,
} from '../../storage/contract/session-repository.js';
import { askAfterLoad, isLoad, type UserLoad } from '../users/user-load.js';
import type { AccessTokenFormat } from '../../token/access-token.js';
import type { ParsedToken } from '../../token/session-token.js';
import type { CheckContextName } from '../../telemetry/messages.js';
import type { Realm } from '../../telemetry/realm.js';
import { tellCheck, tellFailedCheck, tellFailedToken, tellRefusals } from '../../telemetry/tell.js';

/** Where a token was presented. @publicApi */
export interface TokenOrigin {
  /** As `SessionTransport.clientIp` gives it. Absent, it is not known: then no allowlist lets it in. */
  readonly clientIp?: string | undefined;
}

/** How a token is looked at. */
export interface CheckContext extends TokenOrigin {
  /** False: nothing of it is written down. */
  readonly isActivity: boolean;
  /** True: storage itself answers, not the near cache. */
  readonly isFresh?: boolean;
  /** What the check is told as, where whoever asks for it does not tell of it. */
  readonly toldAs?: CheckContextName;
}

/** A decision, and when the repository made it, by its own clock; absent where it was not asked. */
export interface TokenCheckResult {
  readonly decision: Decision;
  readonly now: number | undefined;
  /** When the token ends before its session does. */
  readonly tokenEndsAt: number | undefined;
}

interface TokenCheckParts {
  readonly realm: Realm;
  readonly repository: SessionRepository;
  readonly tokens: AccessTokenFormat;
  readonly ip: IpPolicy;
  readonly load: UserLoad;
  /** Takes a session that may act, and its data where they were asked for. */
  readonly permit: (session: Session, proof: ParsedToken, data: StoredData | undefined) => void;
}

const NO_QUOTAS: readonly UserQuota[] = [];
/** Of a look that must not count as activity: a role group that nobody can meet. */
const NOBODY: readonly (readonly string[])[] = [[]];

/**
 * From a presented token to a decision. Every request goes this way: what it does once more, it does for each of them,
 * and each promise in between is a turn of the queue.
 */
export class TokenCheck {
  constructor(private readonly parts: TokenCheckParts) {}

  async check(
    token: string | undefined,
    requirements: AccessRequirements,
    context: CheckContext,
  ): Promise<TokenCheckResult> {
    const parsed = token === undefined ? undefined : this.parts.tokens.read(token);
    const proof = parsed instanceof Promise ? await parsed : parsed;
    // A guest is told by the token: where none may come in, the repository is not even asked.
    if (!proof || (proof.isGuest && !admitsGuests(requirements))) {
      const isNobody = token === undefined || proof !== undefined;
      if (!isNobody) tellFailedToken(this.parts.realm, { token: 'session', failure: 'malformed' });
      const decision = decide({ kind: isNobody ? 'missing' : 'unknown' }, requirements);
      return { decision, now: undefined, tokenEndsAt: undefined };
    }
    const answer = await this.lookUp(proof, requirements, context);
    const known = isLoad(answer)
      ? await this.loadFirst(answer, () => this.lookUp(proof, requirements, context))
      : answer;
    const lookup = proof.isExpired ? asExpired(known) : known;
    const decision = decide(lookup, requirements);
    if (lookup.kind !== 'known') {
      tellFailedToken(this.parts.realm, { token: 'session', failure: 'unknown' });
      return { decision, now: undefined, tokenEndsAt: undefined };
    }
    if (decision.permit) {
      const isDataAsked = requirements.withData === true && context.isActivity;
      this.parts.permit(decision.session, proof, isDataAsked ? (lookup.data ?? NO_DATA) : undefined);
    } else if (decision.reason === 'rate_limited') tellRefusals(this.parts.realm, decision.quotas);
    return { decision, now: lookup.now, tokenEndsAt: lookup.tokenEndsAt };
  }

  /** As `check`, and tells of it. Call it only where there are subscribers. */
  async checkAndTell(
    token: string | undefined,
    requirements: AccessRequirements,
    context: CheckContext,
  ): Promise<TokenCheckResult> {
    const begun = {
      realm: this.parts.realm,
      context: context.toldAs ?? 'direct',
      startedAt: performance.now(),
    };
    try {
      const result = await this.check(token, requirements, context);
      const { decision } = result;
      if (decision.permit) tellCheck(begun, { decision: 'permit', userId: decision.session.userId });
      else tellCheck(begun, { decision: 'deny', reason: decision.reason });
      return result;
    } catch (error) {
      tellFailedCheck(begun, error);
      throw error;
    }
  }

  /** One call; with named lists of addresses one more, in the same tick. */
  private lookUp(
    proof: ParsedToken,
    { roleGroups, quotas, withData, passive, freshState, ip }: AccessRequirements,
    { isActivity, isFresh, clientIp }: CheckContext,
  ): Promise<TokenLookup | LoadFirst> {
    const isCounted = isActivity && !proof.isExpired;
    const verdict = this.parts.ip.judge(ip, clientIp);
    const demand: RequestDemand = {
      touchIfRoles: isCounted && passive !== true ? roleGroups : NOBODY,
      quotas: (isCounted && quotas) || NO_QUOTAS,
      withData: isCounted && withData === true,
      isFresh: isFresh === true || freshState === true,
      ip: verdict,
    };
    const checking = this.parts.repository.authenticate(proof, demand);
    const confirming = this.parts.ip.confirm(ip, verdict);
    return confirming ? this.confirmed(proof, demand, Promise.all([checking, confirming])) : checking;
  }

  private async confirmed(
    proof: TokenProof,
    demand: RequestDemand,
    asked: Promise<readonly [TokenLookup | LoadFirst, IpVerdict]>,
  ): Promise<TokenLookup | LoadFirst> {
    const [lookup, verdict] = await asked;
    if (demand.ip && isSameVerdict(verdict, demand.ip)) return lookup;
    // A list was changed since this node last looked: what was counted by the old one is given back.
    await this.giveBack(lookup, demand.quotas);
    return this.parts.repository.authenticate(proof, { ...demand, ip: verdict });
  }

  private async giveBack(lookup: TokenLookup | LoadFirst, quotas: readonly UserQuota[]): Promise<void> {
    if (lookup.kind !== 'known' || !lookup.quotas.every(({ allowed }) => allowed)) return;
    if (lookup.quotas.length === 0) return;
    const { userId, id: sessionId } = lookup.session;
    // What cannot be given back now comes back with time.
    await Promise.allSettled(
      quotas.map((policy) => {
        const partition = policy.by === 'session' ? { userId, sessionId } : { userId };
        return this.parts.repository.quota({ operation: 'refund', policy, partition, cost: 1 });
      }),
    );
  }

  private async loadFirst(
    first: LoadFirst,
    ask: () => Promise<TokenLookup | LoadFirst>,
  ): Promise<TokenLookup> {
    return (await askAfterLoad(first, ask, this.parts.load)) ?? { kind: 'unknown' };
  }
}

/** The token says itself that its time is over, whatever becomes of its session. */
function asExpired(lookup: TokenLookup): TokenLookup {
  return lookup.kind === 'known' && lookup.status === 'live' ? { ...lookup, status: 'expired' } : lookup;
}

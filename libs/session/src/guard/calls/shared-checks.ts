import { type HttpRequest, nodeRequestOf } from '../../contexts/http/http.js';
import type { AccessRequirements } from '../../model/decision.js';
import { decide } from '../../rules/decide.js';
import type { TokenCheckResult } from '../../services/sessions/token-check.js';

interface Shared {
  readonly token: string | undefined;
  readonly requirements: AccessRequirements;
  readonly checking: Promise<TokenCheckResult>;
}

/** A check of a call. */
interface Check {
  readonly token: string | undefined;
  /** Without quotas: each call counts against those. */
  readonly requirements: AccessRequirements;
  readonly ask: () => Promise<TokenCheckResult>;
}

/**
 * Checks of one request that are asked for in one turn of the event loop are one until it is answered: of the fields of a
 * GraphQL query, those that are resolved together. What is resolved later is checked again, because an act may have come between. Of one
 * `SessionModule` each: what another one has found says nothing here.
 */
export class SharedChecks {
  private readonly byRequest = new WeakMap<object, Shared>();

  share(request: HttpRequest, { token, requirements, ask }: Check): Promise<TokenCheckResult> {
    const node = nodeRequestOf(request);
    const first = this.byRequest.get(node);
    if (first) {
      if (first.token !== token || !asksAsMuch(first.requirements, requirements)) return ask();
      return first.checking.then((result) => decidedBy(result, first.requirements, requirements) ?? ask());
    }
    const checking = ask();
    const shared: Shared = { token, requirements, checking };
    this.byRequest.set(node, shared);
    const forget = (): void => {
      if (this.byRequest.get(node) === shared) this.byRequest.delete(node);
    };
    // Once it is answered, a handler may run, and act: what is asked for after that is asked anew.
    checking.then(forget, forget);
    setImmediate(forget);
    return checking;
  }
}

/** Whether the one check asks storage all that the other would. */
function asksAsMuch(one: AccessRequirements, other: AccessRequirements): boolean {
  return (
    one === other ||
    (one.ip === other.ip &&
      (one.withData === true || other.withData !== true) &&
      (one.passive !== true || other.passive === true) &&
      (one.freshState === true || other.freshState !== true) &&
      (one.allowGuests === true || other.allowGuests !== true) &&
      one.allowExpired !== true &&
      other.allowExpired !== true)
  );
}

/** What the answer to one check is to another; `undefined` where that cannot be told. */
function decidedBy(
  result: TokenCheckResult,
  one: AccessRequirements,
  other: AccessRequirements,
): TokenCheckResult | undefined {
  const { decision, now } = result;
  if (one === other) return result;
  if (!decision.permit) {
    const isByItsOwn = decision.reason === 'forbidden' || decision.reason === 'reauthentication_required';
    return isByItsOwn ? undefined : result;
  }
  if (now === undefined) return undefined;
  const { session, user } = decision;
  const lookup = { kind: 'known', status: 'live', session, user, now, ipAllowed: true, quotas: [] } as const;
  return { ...result, decision: decide(lookup, other) };
}

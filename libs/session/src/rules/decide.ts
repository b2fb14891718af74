import type { AccessRequirements, Decision, DenyReason, TokenLookup } from '../model/decision.js';
import { DENIALS } from '../model/error-codes.js';
import type { QuotaResult } from '../model/quota.js';
import type { AssuranceLevel } from '../model/session.js';
import type { Block } from '../model/user-state.js';
import { satisfiesRoles } from './roles.js';

const ASSURANCE_RANK: Readonly<Record<AssuranceLevel, number>> = { aal1: 1, aal2: 2, aal3: 3 };

/**
 * Token lookup and access requirements in, one decision out: the first reason that applies, in the order of `DENIALS`.
 * Pure, and the same for every repository. Whatever it does not know is denied.
 */
export function decide(lookup: TokenLookup, requirements: AccessRequirements): Decision {
  if (lookup.kind === 'missing') return deny('session_missing');
  if (lookup.kind !== 'known') return deny('session_invalid');
  const { session, user, status, now, quotas } = lookup;

  if (user.id !== session.userId) return deny('session_invalid');
  if (session.isGuest === true && !admitsGuests(requirements)) return deny('session_missing');
  if (user.status === 'blocked') return deny('user_blocked', { block: user.block });
  if (user.status !== 'active') return deny('session_invalid');

  if (status === 'revoked') return deny('session_revoked');
  if (status === 'expired' && requirements.allowExpired !== true) return deny('session_expired');
  if (status !== 'live' && status !== 'expired') return deny('session_invalid');

  if (!isTrue(lookup.ipAllowed)) return deny('ip_not_allowed');

  if (!lookup.quotas.every(({ allowed }) => allowed)) return deny('rate_limited', { quotas });

  if (!isFresh(session.authenticatedAt, now, requirements.maxAuthenticationAgeMs)) {
    return deny('reauthentication_required', { quotas });
  }
  if (!isAssured(session.assurance, requirements.assurance)) {
    return deny('reauthentication_required', { quotas });
  }
  if (!satisfiesRoles(user.roles, requirements.roleGroups)) return deny('forbidden', { quotas });
  return { permit: true, session, user, quotas };
}

/** Whether a guest may pass: where guests are meant, and nothing is demanded that only a person can show. */
export function admitsGuests(requirements: AccessRequirements): boolean {
  const { allowGuests, roleGroups, maxAuthenticationAgeMs, assurance } = requirements;
  const isForPersons =
    roleGroups.length > 0 || maxAuthenticationAgeMs !== undefined || assurance !== undefined;
  return allowGuests === true && !isForPersons;
}

/** A repository may be the app's own: what is absent, or not a boolean, permits nothing. */
function isTrue(value: unknown): boolean {
  return value === true;
}

function isFresh(authenticatedAt: number, now: number, maxAgeMs: number | undefined): boolean {
  return maxAgeMs === undefined || now - authenticatedAt <= maxAgeMs;
}

function isAssured(actual: AssuranceLevel, required: AssuranceLevel | undefined): boolean {
  return required === undefined || (ASSURANCE_RANK[actual] ?? 0) >= ASSURANCE_RANK[required];
}

/** The decision with the quotas that live elsewhere than with the user, such as those by client IP. */
export function withQuotas(decision: Decision, elsewhere: readonly QuotaResult[]): Decision {
  if (elsewhere.length === 0 || isBeforeQuotas(decision)) return decision;
  const quotas = [...decision.quotas, ...elsewhere];
  const isOver = !elsewhere.every(({ allowed }) => allowed);
  return isOver ? deny('rate_limited', { quotas }) : { ...decision, quotas };
}

/** Whether the request was refused for something that comes before its quotas. */
export function isBeforeQuotas(decision: Decision): boolean {
  return !decision.permit && DENIALS[decision.reason].isBeforeQuotas;
}

const NO_QUOTAS: readonly QuotaResult[] = [];

function deny(
  reason: DenyReason,
  {
    block,
    quotas = NO_QUOTAS,
  }: { readonly block?: Block | undefined; readonly quotas?: readonly QuotaResult[] } = {},
): Decision {
  return block ? { permit: false, reason, quotas, block } : { permit: false, reason, quotas };
}

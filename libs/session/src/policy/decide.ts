import type { AccessRequirements, Decision, DenyReason, Facts } from '../model/decision.js';
import type { AssuranceLevel } from '../model/session.js';
import type { Block } from '../model/user-state.js';
import { satisfiesRoles } from './roles.js';

const ASSURANCE_RANK: Readonly<Record<AssuranceLevel, number>> = { aal1: 1, aal2: 2, aal3: 3 };

/**
 * Facts and access requirements in, one decision out: the first reason that applies, in the order of `DenyReason`.
 * Pure, and the same for every repository. Whatever it does not know is denied.
 */
export function decide(facts: Facts, requirements: AccessRequirements): Decision {
  if (facts.kind === 'missing') return deny('session_missing');
  if (facts.kind !== 'known') return deny('session_invalid');
  const { session, user, status, now } = facts;

  if (user.id !== session.userId) return deny('session_invalid');
  if (user.status === 'blocked') return deny('user_blocked', user.block);
  if (user.status !== 'active') return deny('session_invalid');

  if (status === 'revoked') return deny('session_revoked');
  if (status === 'expired' && requirements.allowExpired !== true) return deny('session_expired');
  if (status !== 'live' && status !== 'expired') return deny('session_invalid');

  if (!isFresh(session.authenticatedAt, now, requirements.maxAuthenticationAgeMs)) {
    return deny('reauthentication_required');
  }
  if (!isAssured(session.assurance, requirements.assurance)) return deny('reauthentication_required');
  if (!satisfiesRoles(user.roles, requirements.roleGroups)) return deny('forbidden');
  return { permit: true, session, user };
}

function isFresh(authenticatedAt: number, now: number, maxAgeMs: number | undefined): boolean {
  return maxAgeMs === undefined || now - authenticatedAt <= maxAgeMs;
}

function isAssured(actual: AssuranceLevel, required: AssuranceLevel | undefined): boolean {
  return required === undefined || (ASSURANCE_RANK[actual] ?? 0) >= ASSURANCE_RANK[required];
}

function deny(reason: DenyReason, block?: Block): Decision {
  return block ? { permit: false, reason, block } : { permit: false, reason };
}

import * as fc from 'fast-check';
import type { AccessRequirements, Decision, DenyReason, TokenLookup } from '../model/decision.js';
import type { QuotaResult } from '../model/quota.js';
import type { AssuranceLevel, Session } from '../model/session.js';
import type { UserState } from '../model/user-state.js';
import { decide } from './decide.js';

type Known = Extract<TokenLookup, { kind: 'known' }>;

const ROLES = ['user', 'moderator', 'admin', 'auditor'];
const LEVELS: readonly AssuranceLevel[] = ['aal1', 'aal2', 'aal3'];
const NOW = 1_767_268_800_000;
const HOUR_MS = 3_600_000;

const roles = fc.uniqueArray(fc.constantFrom(...ROLES));
const session: fc.Arbitrary<Session> = fc
  .record({
    userId: fc.constantFrom('ada', 'ada', 'ada', 'bob'),
    authenticatedAt: fc.integer({ min: NOW - HOUR_MS, max: NOW }),
    assurance: fc.constantFrom(...LEVELS),
    rememberMe: fc.boolean(),
    isGuest: fc.constantFrom(false, false, true),
  })
  .map(({ isGuest, ...some }) => ({
    ...some,
    ...(isGuest ? { isGuest } : {}),
    id: 'session-id',
    device: { name: '', userAgent: '', ip: '' },
    createdAt: NOW - HOUR_MS,
    lastSeenAt: NOW,
    expiresAt: NOW + 1,
    absoluteExpiresAt: NOW + 1,
  }));
const user: fc.Arbitrary<UserState> = fc
  .record({ blocked: fc.boolean(), roles })
  .map(({ blocked, ...some }) => ({
    ...some,
    id: 'ada',
    status: blocked ? 'blocked' : 'active',
    ...(blocked ? { block: { reason: 'spam', at: NOW } } : {}),
    version: 1,
    epoch: 1,
  }));
const quotaResult: fc.Arbitrary<QuotaResult> = fc.record({
  name: fc.constant('posts'),
  quota: fc.constant(30),
  windowMs: fc.constant(60_000),
  burst: fc.constant(30),
  allowed: fc.oneof(
    { weight: 4, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  remaining: fc.nat(30),
  retryAfterMs: fc.nat(60_000),
  resetMs: fc.nat(60_000),
});
const known: fc.Arbitrary<Known> = fc.record({
  kind: fc.constant('known'),
  status: fc.constantFrom('live', 'live', 'revoked', 'expired'),
  session,
  user,
  now: fc.constant(NOW),
  ipAllowed: fc.constantFrom(true, true, true, false),
  quotas: fc.array(quotaResult, { maxLength: 2 }),
});
const lookup: fc.Arbitrary<TokenLookup> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom<TokenLookup>({ kind: 'missing' }, { kind: 'unknown' }) },
  { weight: 9, arbitrary: known },
);
const requirements: fc.Arbitrary<AccessRequirements> = fc.record(
  {
    roleGroups: fc.array(roles, { maxLength: 2 }),
    maxAuthenticationAgeMs: fc.integer({ min: 0, max: HOUR_MS }),
    assurance: fc.constantFrom(...LEVELS),
    allowExpired: fc.boolean(),
    allowGuests: fc.boolean(),
  },
  { requiredKeys: ['roleGroups'] },
);

/** Every reason to deny, in the documented order, and whether it applies: the rules said a second time. */
function reasons(given: TokenLookup, required: AccessRequirements): (readonly [DenyReason, boolean])[] {
  if (given.kind !== 'known') {
    return [
      ['session_missing', given.kind === 'missing'],
      ['session_invalid', true],
    ];
  }
  const {
    roleGroups,
    maxAuthenticationAgeMs = Infinity,
    assurance = 'aal1',
    allowExpired = false,
  } = required;
  const isStale = given.session.authenticatedAt + maxAuthenticationAgeMs < NOW;
  const isWeak = LEVELS.indexOf(given.session.assurance) < LEVELS.indexOf(assurance);
  const { allowGuests, maxAuthenticationAgeMs: fresh, assurance: assured } = required;
  const isForGuests = allowGuests && roleGroups.length === 0 && fresh === undefined && assured === undefined;
  const held = new Set(given.user.roles);
  return [
    ['session_invalid', given.session.userId !== given.user.id],
    ['session_missing', given.session.isGuest === true && !isForGuests],
    ['user_blocked', given.user.status === 'blocked'],
    ['session_revoked', given.status === 'revoked'],
    ['session_expired', given.status === 'expired' && !allowExpired],
    ['ip_not_allowed', !given.ipAllowed],
    ['rate_limited', given.quotas.some(({ allowed }) => !allowed)],
    ['reauthentication_required', isStale || isWeak],
    ['forbidden', roleGroups.some((group) => !group.some((role) => held.has(role)))],
  ];
}

function reasonOf(decision: Decision): DenyReason | 'permit' {
  return decision.permit ? 'permit' : decision.reason;
}

describe('decide', () => {
  it('permits only if every condition holds, and denies with the first that does not', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(lookup, requirements, (given, required) => {
        const first = reasons(given, required).find(([, applies]) => applies);
        const decision = decide(given, required);
        expect(reasonOf(decision)).toBe(first ? first[0] : 'permit');
        seen.set(reasonOf(decision), (seen.get(reasonOf(decision)) ?? 0) + 1);
      }),
      { numRuns: 3_000 },
    );
    // The runs would mean little if they did not come upon every outcome.
    expect([...seen.keys()].sort()).toEqual(
      [
        'permit',
        'session_missing',
        'session_invalid',
        'user_blocked',
        'session_revoked',
        'session_expired',
        'ip_not_allowed',
        'rate_limited',
        'reauthentication_required',
        'forbidden',
      ].sort(),
    );
  });

  it('permits with the session and the user that it was given', () => {
    fc.assert(
      fc.property(known, requirements, (given, required) => {
        const decision = decide(given, required);
        if (!decision.permit) return;
        expect(decision.session).toBe(given.session);
        expect(decision.user).toBe(given.user);
      }),
    );
  });

  it('never turns a denial into a permit when more is required', () => {
    const stricter: fc.Arbitrary<(from: AccessRequirements) => AccessRequirements> = fc.oneof(
      roles.map((group) => (from: AccessRequirements) => ({
        ...from,
        roleGroups: [...from.roleGroups, group],
      })),
      fc.nat({ max: HOUR_MS }).map((ms) => (from: AccessRequirements) => ({
        ...from,
        maxAuthenticationAgeMs: Math.min(ms, from.maxAuthenticationAgeMs ?? Infinity),
      })),
      fc.constantFrom(...LEVELS).map((level) => (from: AccessRequirements) => ({
        ...from,
        assurance: level > (from.assurance ?? 'aal1') ? level : (from.assurance ?? 'aal1'),
      })),
      fc.constant((from: AccessRequirements) => ({ ...from, allowExpired: false })),
    );
    fc.assert(
      fc.property(lookup, requirements, stricter, (given, required, tighten) => {
        fc.pre(!decide(given, required).permit);
        expect(decide(given, tighten(required)).permit).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never turns a denial into a permit when the user has fewer roles', () => {
    fc.assert(
      fc.property(known, requirements, roles, (given, required, taken) => {
        fc.pre(!decide(given, required).permit);
        const fewer = { ...given.user, roles: given.user.roles.filter((role) => !taken.includes(role)) };
        expect(decide({ ...given, user: fewer }, required).permit).toBe(false);
      }),
    );
  });

  it('tells a block only of the user who is blocked', () => {
    fc.assert(
      fc.property(lookup, requirements, (given, required) => {
        const decision = decide(given, required);
        if (decision.permit) return;
        const block =
          decision.reason === 'user_blocked' && given.kind === 'known' ? given.user.block : undefined;
        expect(decision.block).toBe(block);
      }),
    );
  });
});

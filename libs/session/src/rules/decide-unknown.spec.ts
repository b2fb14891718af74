import * as fc from 'fast-check';
import type { AccessRequirements, TokenLookup } from '../model/decision.js';
import { decide } from './decide.js';

type Known = Extract<TokenLookup, { kind: 'known' }>;

const NOW = 1_767_268_800_000;
const HOUR_MS = 3_600_000;
const LEVELS: readonly unknown[] = ['aal1', 'aal2', 'aal3'];

describe('decide denies what it does not know', () => {
  const permitted: Known = {
    kind: 'known',
    status: 'live',
    session: {
      id: 'session-id',
      userId: 'ada',
      device: { name: '', userAgent: '', ip: '' },
      createdAt: NOW,
      lastSeenAt: NOW,
      authenticatedAt: NOW,
      assurance: 'aal1',
      rememberMe: false,
      expiresAt: NOW + 1,
      absoluteExpiresAt: NOW + 1,
    },
    user: { id: 'ada', status: 'active', roles: ['user'], version: 1, epoch: 1 },
    now: NOW,
    ipAllowed: true,
    quotas: [],
  };
  const strange = fc.oneof(
    fc.string(),
    fc.constantFrom<unknown>(undefined, null, true, 1, 'LIVE', 'Active', '__proto__', 'constructor', 'load'),
  );
  const NONE: AccessRequirements = { roleGroups: [] };
  const LENIENT: AccessRequirements = { roleGroups: [], allowExpired: true };

  const expectDenied = (given: unknown, required: unknown = LENIENT) =>
    expect(decide(given as TokenLookup, required as AccessRequirements).permit).toBe(false);

  it('starting from a token lookup that it permits', () => {
    expect(decide(permitted, NONE).permit).toBe(true);
    expect(decide({ ...permitted, status: 'expired' }, LENIENT).permit).toBe(true);
  });

  it.each([
    ['the kind of lookup', (value: unknown) => ({ ...permitted, kind: value }), ['known']],
    ['the status of the session', (value: unknown) => ({ ...permitted, status: value }), ['live', 'expired']],
    [
      'the status of the user',
      (value: unknown) => ({ ...permitted, user: { ...permitted.user, status: value } }),
      ['active'],
    ],
    ['where it may come from', (value: unknown) => ({ ...permitted, ipAllowed: value }), [true]],
    [
      'the user of the session',
      (value: unknown) => ({ ...permitted, session: { ...permitted.session, userId: value } }),
      ['ada'],
    ],
  ] as const)('as %s', (_, make, right) => {
    fc.assert(
      fc.property(strange, (value) => {
        fc.pre(!(right as readonly unknown[]).includes(value));
        expectDenied(make(value));
      }),
    );
  });

  it('as an assurance that is recorded or required', () => {
    fc.assert(
      fc.property(strange, (value) => {
        fc.pre(!LEVELS.includes(value));
        const recorded = { ...permitted, session: { ...permitted.session, assurance: value } };
        expectDenied(recorded, { roleGroups: [], assurance: 'aal1' });
        if (value !== undefined) expectDenied(permitted, { roleGroups: [], assurance: value });
      }),
    );
  });

  it('as a time', () => {
    expectDenied(permitted, { roleGroups: [], maxAuthenticationAgeMs: NaN });
    const timeless = { ...permitted, session: { ...permitted.session, authenticatedAt: undefined } };
    expectDenied(timeless, { roleGroups: [], maxAuthenticationAgeMs: HOUR_MS });
    expectDenied({ ...permitted, now: undefined }, { roleGroups: [], maxAuthenticationAgeMs: HOUR_MS });
  });

  it('as a truthy allowExpired', () => {
    expectDenied({ ...permitted, status: 'expired' }, { roleGroups: [], allowExpired: 'false' });
  });
});

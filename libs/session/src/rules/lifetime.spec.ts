import * as fc from 'fast-check';
import type { Lifetime } from '../model/session.js';
import {
  LIFETIME_PRESETS,
  type LifetimeOption,
  MAX_ABSOLUTE_TIMEOUT_MS,
  MAX_INACTIVITY_TIMEOUT_MS,
  effectiveLifetime,
  expiryOf,
  resolveLifetime,
  touchAfterMs,
} from './lifetime.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ROLES = ['user', 'moderator', 'admin', 'auditor'];

const lifetime: fc.Arbitrary<Lifetime> = fc
  .tuple(fc.integer({ min: 1, max: MAX_ABSOLUTE_TIMEOUT_MS }), fc.nat({ max: MAX_INACTIVITY_TIMEOUT_MS }))
  .map(([absoluteTimeoutMs, inactivity]) => ({
    inactivityTimeoutMs: Math.min(inactivity, absoluteTimeoutMs),
    absoluteTimeoutMs,
  }));
const roles = fc.uniqueArray(fc.constantFrom(...ROLES));
const roleLifetimes = fc
  .array(fc.tuple(fc.constantFrom(...ROLES), lifetime))
  .map((entries) => new Map(entries));

/** The inactivity timeout as a limit: 0 stands for none. */
const inactivityLimit = ({ inactivityTimeoutMs }: Lifetime) => inactivityTimeoutMs || Infinity;

describe('the presets', () => {
  it('are what NIST SP 800-63B-4 asks for', () => {
    expect(LIFETIME_PRESETS.aal1.absoluteTimeoutMs).toBeLessThanOrEqual(30 * DAY_MS);
    expect(LIFETIME_PRESETS.aal2).toEqual({ inactivityTimeoutMs: HOUR_MS, absoluteTimeoutMs: DAY_MS });
    expect(LIFETIME_PRESETS.aal3).toEqual({
      inactivityTimeoutMs: 15 * 60_000,
      absoluteTimeoutMs: 12 * HOUR_MS,
    });
  });
});

describe('resolveLifetime', () => {
  it.each(['aal1', 'aal2', 'aal3'] as const)('knows %s', (name) => {
    expect(resolveLifetime(name)).toEqual(LIFETIME_PRESETS[name]);
  });

  it('takes two timeouts, and 0 for no inactivity timeout', () => {
    expect(resolveLifetime({ inactivityTimeout: '30m', absoluteTimeout: '8h' })).toEqual({
      inactivityTimeoutMs: 1_800_000,
      absoluteTimeoutMs: 28_800_000,
    });
    expect(resolveLifetime({ inactivityTimeout: 0, absoluteTimeout: '400d' }).inactivityTimeoutMs).toBe(0);
    expect(resolveLifetime({ inactivityTimeout: 7, absoluteTimeout: 7 }).inactivityTimeoutMs).toBe(7);
  });

  it.each<[string, unknown]>([
    ['a preset that is none', 'aal4'],
    ['a name that every object has', 'constructor'],
    ['the prototype', '__proto__'],
    ['no duration', { inactivityTimeout: 'soon', absoluteTimeout: '8h' }],
    ['a negative timeout', { inactivityTimeout: -1, absoluteTimeout: '8h' }],
    ['no absolute timeout', { inactivityTimeout: 0, absoluteTimeout: 0 }],
    ['an absolute timeout over 400 days', { inactivityTimeout: 0, absoluteTimeout: '401d' }],
    ['an inactivity timeout over the absolute one', { inactivityTimeout: '2h', absoluteTimeout: '1h' }],
    ['an inactivity timeout over 49 days', { inactivityTimeout: '50d', absoluteTimeout: '60d' }],
  ])('refuses %s', (_, option) => {
    expect(() => resolveLifetime(option as LifetimeOption)).toThrow(RangeError);
  });
});

describe('effectiveLifetime', () => {
  it('is the strictest of the own one and those of the roles that are held', () => {
    fc.assert(
      fc.property(lifetime, roles, roleLifetimes, (own, held, limits) => {
        const all = [own, ...held.flatMap((role) => limits.get(role) ?? [])];
        const effective = effectiveLifetime(own, held, limits);
        expect(effective.absoluteTimeoutMs).toBe(Math.min(...all.map((one) => one.absoluteTimeoutMs)));
        expect(inactivityLimit(effective)).toBe(Math.min(...all.map(inactivityLimit)));
      }),
    );
  });

  it('does not depend on the order of roles, nor on those without a lifetime', () => {
    fc.assert(
      fc.property(lifetime, roles, roleLifetimes, (own, held, limits) => {
        const effective = effectiveLifetime(own, held, limits);
        expect(effectiveLifetime(own, held.toReversed(), limits)).toEqual(effective);
        expect(effectiveLifetime(own, ['someone', ...held], limits)).toEqual(effective);
        expect(effectiveLifetime(own, held, new Map())).toEqual(own);
      }),
    );
  });
});

describe('expiryOf', () => {
  const times = fc.record({
    authenticatedAt: fc.nat({ max: 2 ** 41 }),
    lastSeenAt: fc.nat({ max: 2 ** 41 }),
  });

  it('is the nearer end, and never after the absolute one', () => {
    fc.assert(
      fc.property(times, lifetime, (at, limit) => {
        const { expiresAt, absoluteExpiresAt } = expiryOf(at, limit);
        expect(absoluteExpiresAt).toBe(at.authenticatedAt + limit.absoluteTimeoutMs);
        expect(expiresAt).toBe(Math.min(at.lastSeenAt + inactivityLimit(limit), absoluteExpiresAt));
      }),
    );
  });

  it('is not brought nearer by activity', () => {
    fc.assert(
      fc.property(times, lifetime, fc.nat(), (at, limit, passed) => {
        const later = expiryOf({ ...at, lastSeenAt: at.lastSeenAt + passed }, limit);
        expect(later.expiresAt).toBeGreaterThanOrEqual(expiryOf(at, limit).expiresAt);
        expect(later.absoluteExpiresAt).toBe(expiryOf(at, limit).absoluteExpiresAt);
      }),
    );
  });
});

describe('touchAfterMs', () => {
  it('is the setting, but at most a twentieth of the inactivity timeout', () => {
    fc.assert(
      fc.property(lifetime, fc.nat({ max: DAY_MS }), (limit, interval) => {
        const after = touchAfterMs(limit, interval);
        expect(after).toBeLessThanOrEqual(interval);
        expect(after * 20).toBeLessThanOrEqual(inactivityLimit(limit));
        expect(Number.isInteger(after)).toBe(true);
      }),
    );
    expect(touchAfterMs(LIFETIME_PRESETS.aal2, 60_000)).toBe(60_000);
    expect(touchAfterMs(LIFETIME_PRESETS.aal3, 60_000)).toBe(45_000);
    expect(touchAfterMs({ inactivityTimeoutMs: 0, absoluteTimeoutMs: 1 }, 60_000)).toBe(60_000);
  });
});

import { assertFit, toQuotaPolicy } from './quota-options.js';
import type { UserQuota } from '../model/quota.js';

describe('a quota', () => {
  it('has the burst of its quota, unless it says another', () => {
    const policy = { name: 'posts', quota: 30, windowMs: 60_000 };
    expect(toQuotaPolicy({ name: 'posts', quota: 30, window: '1m' })).toEqual({ ...policy, burst: 30 });
    expect(toQuotaPolicy({ name: 'posts', quota: 30, window: '1m', burst: 5 })).toEqual({
      ...policy,
      burst: 5,
    });
  });

  it.each([
    ['name', { name: '' }],
    ['name', { name: 'a b' }],
    ['name', { name: 'a/b' }],
    ['quota', { quota: 0 }],
    ['quota', { quota: 1_000_001 }],
    ['quota', { quota: 1.5 }],
    ['burst', { burst: 0 }],
    ['window', { window: 0 }],
    ['window', { window: '32d' }],
    ['burst', { quota: 1, window: '31d', burst: 95 }],
  ] as const)('with a wrong %s is refused: %j', (what, wrong) => {
    const options = { name: 'posts', quota: 30, window: '1m', ...wrong } as const;
    expect(() => toQuotaPolicy(options)).toThrow(RangeError);
    expect(() => toQuotaPolicy(options)).toThrow(what);
  });

  it('may have a burst that takes eight years to come back', () => {
    expect(toQuotaPolicy({ name: 'rare', quota: 1, window: '31d', burst: 94 })).toMatchObject({ burst: 94 });
  });

  it("of the app's own making is looked at once more, each list once", () => {
    const quota: UserQuota = { name: 'posts', quota: 30, windowMs: 60_000, burst: 30, by: 'user' };
    const quotas = [quota];
    assertFit(quotas);
    assertFit(quotas);
    expect(() => assertFit([quota, { ...quota, burst: 0 }])).toThrow('burst');
    expect(() => assertFit([{ ...quota, by: 'ip' as never }])).toThrow('by must be');
  });
});

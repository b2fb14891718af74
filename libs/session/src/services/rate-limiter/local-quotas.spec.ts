import { LocalQuotas } from './local-quotas.js';

const policy = { name: 'search', quota: 2, windowMs: 3_600_000, burst: 2 };
const share = (key: string, name = policy.name) => ({
  policy: { ...policy, name },
  partition: { key },
  cost: 1,
});
const realm = { name: 'default' } as never;

describe('LocalQuotas', () => {
  const allows = (quotas: LocalQuotas, ...keys: string[]) =>
    quotas.take(keys.map((key) => share(key, `of ${key}`))).every(({ allowed }) => allowed);

  it('counts by the rule of the quota, each share by itself', () => {
    const quotas = new LocalQuotas(realm);
    expect(quotas.take([share('a')])[0]).toMatchObject({ allowed: true, remaining: 1, burst: 2 });
    expect(quotas.take([share('a')])[0]).toMatchObject({ allowed: true, remaining: 0 });
    const [refused] = quotas.take([share('a')]);
    expect(refused).toMatchObject({ allowed: false, remaining: 0 });
    expect(refused!.retryAfterMs).toBeGreaterThan(1_790_000);
    expect(quotas.take([share('b')])[0]).toMatchObject({ allowed: true, remaining: 1 });
  });

  it('takes of all shares or of none', () => {
    const quotas = new LocalQuotas(realm);
    expect([allows(quotas, 'a'), allows(quotas, 'a')]).toEqual([true, true]);
    expect([allows(quotas, 'a', 'b'), allows(quotas, 'a', 'b')]).toEqual([false, false]);
    expect([allows(quotas, 'b'), allows(quotas, 'b'), allows(quotas, 'b')]).toEqual([true, true, false]);
  });

  it('forgets the least recently used beyond its bound, whether that was allowed or refused', () => {
    const quotas = new LocalQuotas(realm, 3);
    for (const key of ['a', 'a', 'b', 'b', 'c', 'c']) expect(allows(quotas, key)).toBe(true);
    expect(allows(quotas, 'a')).toBe(false); // refused, and so used
    expect(allows(quotas, 'd')).toBe(true); // b goes
    expect(['a', 'c'].map((key) => allows(quotas, key))).toEqual([false, false]);
    expect(allows(quotas, 'b')).toBe(true);
  });

  it('keeps no more of a long key than of a short one', () => {
    const quotas = new LocalQuotas(realm);
    const long = 'x'.repeat(100_000);
    expect([1, 2, 3].map(() => allows(quotas, long))).toEqual([true, true, false]);
    expect(allows(quotas, `${long}y`)).toBe(true);
    expect(
      JSON.stringify(quotas, (_, value: unknown) => (value instanceof Map ? [...value.keys()] : value))
        .length,
    ).toBeLessThan(500);
  });
});

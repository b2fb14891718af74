import * as fc from 'fast-check';
import type { IpListRef, IpRangeSet } from '../model/ip-list.js';
import { addressBits, admitsIp, isSameVerdict, judgeIp, rangeBits } from './ip-ranges.js';

const set = (...ips: string[]): IpRangeSet => ({ cidrs: ips, has: (ip) => ips.includes(ip) });
const NAMED = new Map([
  ['office', set('a', 'b')],
  ['empty', set()],
]);
const ip = fc.constantFrom<string | undefined>('a', 'b', 'c', undefined);
const list = fc.constantFrom<IpListRef>('office', 'empty', 'missing', set('a'), set('a', 'b', 'c'), set());
const few = fc.array(list, { maxLength: 3 });
const judge = (
  requirements: { allow?: readonly IpListRef[]; deny?: readonly IpListRef[] } | undefined,
  clientIp: string | undefined,
  roles: readonly (readonly [string, IpListRef])[] = [],
) =>
  judgeIp(
    { requirements: requirements && { allow: [], deny: [], ...requirements }, roles },
    clientIp,
    (name) => NAMED.get(name),
  ).refusedRoles;

describe('judgeIp', () => {
  it('refuses nobody where there is no list', () => {
    expect(judge(undefined, 'a')).toEqual([]);
    expect(judge(undefined, undefined)).toEqual([]);
  });

  it('wants the address in every allowlist and in no deny list, and a list that is missing holds and frees nobody', () => {
    const resolve = (one: IpListRef) => (typeof one === 'string' ? NAMED.get(one) : one);
    fc.assert(
      fc.property(few, few, ip, (allow, deny, clientIp) => {
        const expected =
          (allow.length === 0 && deny.length === 0) ||
          (clientIp !== undefined &&
            allow.every((one) => resolve(one)?.has(clientIp)) &&
            deny.every((one) => resolve(one) && !resolve(one)?.has(clientIp)));
        expect(judge({ allow, deny }, clientIp)).toEqual(expected ? [] : 'all');
      }),
    );
  });

  it('refuses exactly the roles of which some list does not hold the address', () => {
    const roles: [string, IpListRef][] = [
      ['admin', 'office'],
      ['admin', set('b', 'c')],
      ['user', set('c')],
      ['ghost', 'missing'],
    ];
    expect(judge(undefined, 'b', roles)).toEqual(['user', 'ghost']);
    expect(judge(undefined, 'c', roles)).toEqual(['admin', 'ghost']);
    expect(judge(undefined, undefined, roles)).toEqual(['admin', 'user', 'ghost']);
  });
});

it.each([
  [[], [], true],
  [['a'], ['a'], true],
  [['a'], ['a', 'b'], false],
  ['all', 'all', true],
  ['all', ['all'], false],
  ['all', [], false],
] as const)('verdicts %j and %j are the same: %s', (one, other, expected) => {
  const verdict = (refusedRoles: readonly string[] | 'all') => ({ clientIp: 'a', refusedRoles });
  expect(isSameVerdict(verdict(one), verdict(other))).toBe(expected);
});

describe('admitsIp', () => {
  it('goes by roles that are refused, then by the list, and a list never holds what is not known', () => {
    const from = (clientIp: string | undefined, refusedRoles: readonly string[] | 'all' = []) => ({
      clientIp,
      refusedRoles,
    });
    const roles = ['admin'];
    expect(admitsIp(from(undefined), { roles })).toBe(true);
    expect(admitsIp(from('::1', 'all'), { roles })).toBe(false);
    expect(admitsIp(from('::1', ['admin']), { roles, ipAllowlist: ['::1'] })).toBe(false);
    expect(admitsIp(from('::1', ['user']), { roles, ipAllowlist: ['::1'] })).toBe(true);
    expect(admitsIp(from(undefined), { roles, ipAllowlist: ['::/0', '0.0.0.0/0'] })).toBe(false);
    expect(admitsIp(from('::1'), { roles, ipAllowlist: [] })).toBe(false);
  });
});

describe('the bits of an address', () => {
  it.each([
    ['0.0.0.0/0', '4'],
    ['::/0', '6'],
    ['10.0.0.0/8', '400001010'],
    ['192.0.2.129/25', '41100000000000000000000101'],
    ['2001:db8::/32', '600100000000000010000110110111000'],
    ['ffff:ffff::/17', `6${'1'.repeat(17)}`],
  ])('%s begins with %s', (cidr, bits) => {
    expect(rangeBits(cidr)).toBe(bits);
  });

  it('are the same however the address is written', () => {
    const whole = addressBits('2001:db8:0:0:0:0:c000:201');
    expect(whole).toHaveLength(129);
    expect(addressBits('2001:DB8::C000:0201')).toBe(whole);
    expect(addressBits('2001:db8::192.0.2.1')).toBe(whole);
    expect(addressBits('::')).toBe(`6${'0'.repeat(128)}`);
    expect(addressBits('1::')).toBe(`6${'0'.repeat(15)}1${'0'.repeat(112)}`);
    expect(addressBits('::ffff')).toBe(`6${'0'.repeat(112)}${'1'.repeat(16)}`);
    expect(addressBits(undefined)).toBe('');
  });

  it('put an address in a range exactly when arithmetic does', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(octet, octet, octet, octet);
    const number = (octets: readonly number[]) => octets.reduce((sum, byte) => sum * 256 + byte, 0);
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (one, other, length) => {
        const size = 2 ** (32 - length);
        const isWithin = Math.floor(number(one) / size) === Math.floor(number(other) / size);
        expect(addressBits(one.join('.')).startsWith(rangeBits(`${other.join('.')}/${length}`))).toBe(
          isWithin,
        );
      }),
    );
  });
});

import { IpRanges, normaliseIp, ipPartition } from './ip-address.js';

describe('normaliseIp', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['::ffff:192.0.2.1%eth0', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::1', '::1'],
    [undefined, undefined],
    ['', undefined],
    ['unknown', undefined],
    ['192.0.2', undefined],
    ['192.0.2.01', undefined],
    ['192.0.2.1 ', undefined],
    ['0x7f.1', undefined],
    ['2001:db8::1::2', undefined],
  ])('%s is %s', (text, expected) => {
    expect(normaliseIp(text)).toBe(expected);
  });
});

describe('IpRanges', () => {
  test.each([
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.1.2.3/8'], '10.9.9.9', true],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '192.0.2.1', false],
    [['::/0', '0.0.0.0/0'], '192.0.2.1', true],
    [[], '192.0.2.1', false],
  ])('%j holds %s: %s', (ranges, ip, expected) => {
    expect(new IpRanges(ranges).has(ip)).toBe(expected);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    'localhost',
    '',
    '::ffff:10.0.0.0/104',
    '10.0.0.0/8/8',
  ])('refuses %j and names it', (range) => {
    expect(() => new IpRanges(['127.0.0.1', range])).toThrow(`'${range}'`);
  });
});

describe('ipPartition', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'unknown'],
    [null, 'unknown'],
    ['', 'unknown'],
    ['no address', 'unknown'],
    [['192.0.2.7'], 'unknown'],
  ])('of %j is %s', (ip, expected) => {
    expect(ipPartition(ip as string)).toBe(expected);
  });
});

import { clientIpResolver } from './client-ip.js';
import type { NodeRequest } from './http.js';

function requestFrom(remoteAddress: string | undefined, headers: NodeRequest['headers'] = {}): NodeRequest {
  return { method: 'GET', headers, socket: { remoteAddress } as NodeRequest['socket'] };
}

const XFF = 'x-forwarded-for';
const PROXIES = ['10.0.0.0/8', '2001:db8:f::/48'];

describe('without trusted proxies', () => {
  const clientIp = clientIpResolver({ forwardedHeader: XFF });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%lo0', 'fe80::1'],
    [undefined, undefined],
  ])('the peer %s is the client %s, whatever headers say', (peer, expected) => {
    expect(clientIp(requestFrom(peer, { [XFF]: '6.6.6.6', forwarded: 'for=6.6.6.6' }))).toBe(expected);
  });
});

interface Case {
  readonly trust: number | readonly string[];
  readonly peer?: string | undefined;
  readonly header?: string;
  readonly client: string | undefined;
}

describe('X-Forwarded-For', () => {
  test.each<[string, Case]>([
    ['one hop: the last entry', { trust: 1, header: '6.6.6.6, 192.0.2.1', client: '192.0.2.1' }],
    ['two hops: the one before', { trust: 2, header: '6.6.6.6, 192.0.2.1, 10.0.0.2', client: '192.0.2.1' }],
    ['more hops than entries: the furthest', { trust: 3, header: '192.0.2.1', client: '192.0.2.1' }],
    ['no hops: the peer', { trust: 0, header: '6.6.6.6', client: '10.0.0.1' }],
    ['no header: the peer', { trust: 1, client: '10.0.0.1' }],
    ['a proxy on a Unix socket', { trust: 1, peer: undefined, header: '192.0.2.1', client: '192.0.2.1' }],
    [
      'the first that is no proxy',
      { trust: PROXIES, header: '6.6.6.6, 192.0.2.1, 10.0.0.2', client: '192.0.2.1' },
    ],
    [
      'a peer that is no proxy',
      { trust: PROXIES, peer: '192.0.2.9', header: '6.6.6.6', client: '192.0.2.9' },
    ],
    [
      'a peer mapped into IPv6',
      { trust: PROXIES, peer: '::ffff:10.0.0.1', header: '192.0.2.1', client: '192.0.2.1' },
    ],
    ['nothing but proxies', { trust: PROXIES, header: '10.0.0.3, 10.0.0.2', client: '10.0.0.3' }],
    ['an entry mapped into IPv6', { trust: 1, header: '::ffff:192.0.2.1', client: '192.0.2.1' }],
    ['an entry with a port', { trust: 1, header: '192.0.2.1:4711', client: '192.0.2.1' }],
    ['IPv6 in brackets with a port', { trust: 1, header: '[2001:DB8::1]:4711', client: '2001:db8::1' }],
    ['bare IPv6', { trust: 1, header: '2001:db8::1', client: '2001:db8::1' }],
    ['malformed where it counts', { trust: 1, header: '192.0.2.1, unknown', client: undefined }],
    ['malformed on the way', { trust: PROXIES, header: '192.0.2.1, junk, 10.0.0.2', client: undefined }],
    ['malformed on the way, by hops', { trust: 2, header: '192.0.2.1, junk', client: undefined }],
    ['malformed beyond the client', { trust: 1, header: 'junk, 192.0.2.1', client: '192.0.2.1' }],
    ['an empty entry', { trust: 1, header: '192.0.2.1, ', client: undefined }],
    ['an empty header', { trust: 1, header: '', client: undefined }],
    ['IPv4 in brackets', { trust: 1, header: '[192.0.2.1]', client: undefined }],
    ['brackets left open', { trust: 1, header: '[2001:db8::1', client: undefined }],
    ['leading zeros', { trust: 1, header: '192.0.2.010', client: undefined }],
  ])('%s', (_, { trust, header, client, ...rest }) => {
    const peer = 'peer' in rest ? rest.peer : '10.0.0.1';
    const clientIp = clientIpResolver({ trustProxy: trust, forwardedHeader: XFF });
    // The other header is a client's: it must never be looked at.
    const headers = { forwarded: 'for=6.6.6.6', ...(header === undefined ? {} : { [XFF]: header }) };
    expect(clientIp(requestFrom(peer, headers))).toBe(client);
  });
});

describe('Forwarded (RFC 7239)', () => {
  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['for=6.6.6.6, for=192.0.2.1;proto=https;by=10.0.0.1', '192.0.2.1'],
    ['For="192.0.2.1:4711"', '192.0.2.1'],
    ['for="[2001:DB8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="[2001:db8::17]"; host=app.example', '2001:db8::17'],
    ['host="a b";for=192.0.2.1', '192.0.2.1'],
    ['for=unknown', undefined],
    ['for=_hidden', undefined],
    ['for=', undefined],
    ['proto=https', undefined],
    ['', undefined],
    ['192.0.2.1', undefined],
    ['for=192.0.2.1;for=6.6.6.6', undefined],
    ['for=192.0.2.1;host="x;for=6.6.6.6"', undefined],
    ['for="192.0.2.1', undefined],
    ['for="192.0.2.1\\""', undefined],
    // A client that opens a quote cannot swallow what the proxy appends.
    ['for=6.6.6.6;x=", for=192.0.2.1', '192.0.2.1'],
  ])('%s is %s', (forwarded, client) => {
    const clientIp = clientIpResolver({ trustProxy: 1, forwardedHeader: 'forwarded' });
    expect(clientIp(requestFrom('10.0.0.1', { forwarded, [XFF]: '6.6.6.6' }))).toBe(client);
  });
});

describe('a header with a single address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    [' ::ffff:192.0.2.1', '192.0.2.1'],
    ['6.6.6.6, 192.0.2.1', undefined],
    ['', undefined],
  ])('%s is %s', (header, client) => {
    const clientIp = clientIpResolver({ trustProxy: PROXIES, forwardedHeader: 'x-real-ip' });
    expect(clientIp(requestFrom('10.0.0.1', { 'x-real-ip': header }))).toBe(client);
  });
});

describe('a text too long for any address', () => {
  test('is none, whatever it begins with', () => {
    const clientIp = clientIpResolver({ trustProxy: 1, forwardedHeader: XFF });
    expect(clientIp(requestFrom('10.0.0.1', { [XFF]: `fe80::1%${'z'.repeat(20)}` }))).toBe('fe80::1');
    expect(clientIp(requestFrom('10.0.0.1', { [XFF]: `fe80::1%${'z'.repeat(60)}` }))).toBeUndefined();
  });

  test.each([
    [XFF, ''],
    ['forwarded', 'for="'],
    ['x-real-ip', ''],
  ])('costs no time to refuse in %s', (forwardedHeader, before) => {
    const clientIp = clientIpResolver({ trustProxy: 1, forwardedHeader });
    const long = `${before}[${':'.repeat(100_000)}${before && '"'}`;
    const startedAt = performance.now();
    expect(clientIp(requestFrom('10.0.0.1', { [forwardedHeader]: long }))).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

import type { NodeRequest } from './http.js';
import { ownOriginResolver } from './own-origin.js';

const NEAR = '10.0.0.1';

function ownOrigin(
  headers: Record<string, string>,
  {
    peer = NEAR,
    trustProxy = ['10.0.0.0/8'] as number | readonly string[] | undefined,
    forwardedHeader = 'x-forwarded-for',
  } = {},
): string | undefined {
  const request = {
    headers: { host: 'inner:3000', ...headers },
    socket: { remoteAddress: peer },
  } as unknown as NodeRequest;
  return ownOriginResolver({ ...(trustProxy !== undefined && { trustProxy }), forwardedHeader })(request);
}

const PUBLIC = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example' };
const STANDARD = {
  forwarded: 'for=1.2.3.4;host=evil.example, for=1.2.3.5;proto=https;host="app.example:8443"',
};

test.each<[string | undefined, ...Parameters<typeof ownOrigin>]>([
  ['https://app.example', PUBLIC],
  ['https://app.example', PUBLIC, { trustProxy: 1 }],
  ['http://inner:3000', PUBLIC, { trustProxy: 0 }],
  ['http://inner:3000', PUBLIC, { peer: '192.0.2.1' }],
  ['https://inner:3000', { 'x-forwarded-proto': 'HTTPS' }],
  ['http://app.example', { 'x-forwarded-host': 'app.example' }],
  // A client's own comes before what the proxy adds.
  [
    'https://app.example',
    { 'x-forwarded-proto': 'http, https', 'x-forwarded-host': 'evil.example, app.example' },
  ],
  [undefined, { 'x-forwarded-proto': 'javascript' }],
  [undefined, { 'x-forwarded-proto': '' }],
  [undefined, { 'x-forwarded-host': 'not a host' }],
  [undefined, { 'x-forwarded-host': '' }],
  ['https://app.example:8443', STANDARD, { forwardedHeader: 'forwarded' }],
  ['http://inner:3000', STANDARD],
  ['http://inner:3000', PUBLIC, { forwardedHeader: 'forwarded' }],
  ['http://inner:3000', { forwarded: 'host=app.example;nonsense' }, { forwardedHeader: 'forwarded' }],
])('%s for %j', (...[expected, headers, proxies]) => {
  expect(ownOrigin(headers, proxies)).toBe(expected);
});

it('believes nobody where no proxy is trusted', () => {
  const request = { headers: { host: 'inner:3000', ...PUBLIC }, socket: { remoteAddress: NEAR } };
  const resolve = ownOriginResolver({ forwardedHeader: 'x-forwarded-for' });
  expect(resolve(request as unknown as NodeRequest)).toBe('http://inner:3000');
});

import type { NodeRequest } from './http.js';
import type { TransportSettings } from '../../options/settings.js';
import { bearerToken } from './bearer.js';
import { readCredentials } from './credentials.js';

const SETTINGS: TransportSettings = {
  cookieEnabled: true,
  bearerEnabled: true,
  cookieName: '__Host-session',
  sameSite: 'lax',
  allowedOrigins: [],
  forwardedHeader: 'x-forwarded-for',
  sessionExpiresHeader: false,
};

function read(headers: NodeRequest['headers'], settings: Partial<TransportSettings> = {}) {
  return readCredentials({ method: 'GET', headers } as NodeRequest, { ...SETTINGS, ...settings });
}

test.each([
  [undefined, undefined],
  ['Bearer abc', 'abc'],
  ['bearer abc', 'abc'],
  ['BEARER  abc', 'abc'],
  ['Bearer', ''],
  ['Bearer a b', 'a b'],
  ['Basic YTpi', undefined],
  ['Bearerabc', undefined],
  ['DPoP Bearer abc', undefined],
  ['', undefined],
])('Authorization: %s has the token %j', (header, expected) => {
  expect(bearerToken(header)).toBe(expected);
});

describe('readCredentials', () => {
  const cookie = '__Host-session=abc';

  it('finds nothing, the cookie or the bearer token', () => {
    expect(read({})).toEqual({});
    expect(read({ cookie })).toEqual({ token: 'abc', transport: 'cookie' });
    expect(read({ authorization: 'Bearer xyz' })).toEqual({ token: 'xyz', transport: 'bearer' });
    expect(read({ cookie, authorization: 'Basic YTpi' })).toEqual({ token: 'abc', transport: 'cookie' });
  });

  it('refuses both, also when one of them can be no token', () => {
    for (const authorization of ['Bearer xyz', 'Bearer']) {
      expect(() => read({ cookie, authorization })).toThrow(
        expect.objectContaining({ code: 'ambiguous_credentials' }),
      );
    }
    expect(() => read({ cookie: '__Host-session=', authorization: 'Bearer xyz' })).toThrow(
      'more than one credential',
    );
  });

  it('makes two cookies of our name a credential that opens nothing', () => {
    expect(read({ cookie: `${cookie}; __Host-session=def` })).toEqual({ token: '', transport: 'cookie' });
    expect(read({ cookie: `${cookie}; ${cookie}` })).toEqual({ token: '', transport: 'cookie' });
  });

  it('looks only where the settings say', () => {
    const both = { cookie, authorization: 'Bearer xyz' };
    expect(read(both, { cookieEnabled: false })).toEqual({ token: 'xyz', transport: 'bearer' });
    expect(read(both, { bearerEnabled: false })).toEqual({ token: 'abc', transport: 'cookie' });
  });
});

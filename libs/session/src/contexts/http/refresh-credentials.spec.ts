import type { NodeRequest } from './http.js';
import type { TransportSettings } from '../../options/settings.js';
import { readRefreshCredentials } from './refresh-credentials.js';

const SETTINGS: TransportSettings = {
  cookieEnabled: true,
  bearerEnabled: true,
  cookieName: '__Host-session',
  sameSite: 'lax',
  allowedOrigins: [],
  refreshCookiePath: '/auth/refresh',
  forwardedHeader: 'x-forwarded-for',
  sessionExpiresHeader: false,
};

function read(headers: NodeRequest['headers'], inBody?: string, settings: Partial<TransportSettings> = {}) {
  return readRefreshCredentials({ method: 'POST', headers } as NodeRequest, inBody, {
    ...SETTINGS,
    ...settings,
  });
}

const both = '__Host-session=abc; __Secure-refresh=xyz';
const cookie = { transport: 'cookie' };

describe('readRefreshCredentials', () => {
  test.each([
    ['both cookies', both, { ...cookie, refreshToken: 'xyz', accessToken: 'abc' }],
    ['nothing', undefined, { ...cookie, accessToken: '' }],
    ['a session cookie alone', '__Host-session=abc', { ...cookie, accessToken: 'abc' }],
    ['a refresh cookie alone', '__Secure-refresh=xyz', { ...cookie, refreshToken: 'xyz', accessToken: '' }],
    [
      'a second refresh cookie',
      `${both}; __Secure-refresh=evil`,
      { ...cookie, refreshToken: '', accessToken: 'abc' },
    ],
    [
      'a second session cookie',
      `${both}; __Host-session=evil`,
      { ...cookie, refreshToken: 'xyz', accessToken: '' },
    ],
  ])('finds %s', (_, header, expected) => {
    expect(read(header === undefined ? {} : { cookie: header })).toEqual(expected);
  });

  it("takes the body's for a client that has no cookies of ours", () => {
    const bearer = { refreshToken: 'lkr_', transport: 'bearer' };
    expect(read({}, 'lkr_')).toEqual(bearer);
    expect(read({ cookie: 'theme=dark' }, 'lkr_')).toEqual(bearer);
    expect(read({ authorization: 'Bearer lk_' }, 'lkr_')).toEqual(bearer);
  });

  test.each([
    ['a body beside both cookies', { cookie: both }, 'lkr_'],
    ['a body beside the session cookie', { cookie: '__Host-session=abc' }, 'lkr_'],
    ['a body beside the refresh cookie', { cookie: '__Secure-refresh=xyz' }, ''],
    [
      'Authorization beside the refresh cookie',
      { cookie: '__Secure-refresh=xyz', authorization: 'Bearer a' },
      undefined,
    ],
  ])('refuses %s', (_, headers, inBody) => {
    expect(() => read(headers, inBody)).toThrow(expect.objectContaining({ code: 'ambiguous_credentials' }));
  });

  it('looks only where the settings say', () => {
    expect(read({ cookie: both }, 'lkr_', { cookieEnabled: false })).toEqual({
      refreshToken: 'lkr_',
      transport: 'bearer',
    });
    expect(read({ cookie: both }, 'lkr_', { bearerEnabled: false })).toEqual({
      ...cookie,
      refreshToken: 'xyz',
      accessToken: 'abc',
    });
  });
});

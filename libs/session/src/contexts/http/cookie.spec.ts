import fc from 'fast-check';
import { clearingCookie, cookieValues, refreshCookie, sessionCookie } from './cookie.js';

const NAME = '__Host-session';

describe('cookieValues', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['theme=dark', []],
    ['__Host-session=abc', ['abc']],
    ['theme=dark; __Host-session=abc;lang=en', ['abc']],
    ['theme=dark;\t __Host-session=abc \t; lang=en', ['abc']],
    ['__Host-session=a; __Host-session=b', ['a', 'b']],
    ['__Host-session=', ['']],
    ['__Host-session="abc"', ['"abc"']],
    ['__Host-session=a%20b', ['a%20b']],
    ['__Host-session=a=b', ['a=b']],
    ['__Host-session', []],
    ['__host-session=abc', []],
    ['x__Host-session=abc', []],
    ['__Host-session =abc', []],
    ['x=__Host-session=abc', []],
    // What Unicode calls a space is part of the name: browsers let a subdomain set such a cookie.
    ['\u00a0__Host-session=abc', []],
    ['\u2000__Host-session=abc', []],
    ['\u000b__Host-session=abc', []],
  ])('%j has %j', (header, expected) => {
    expect(cookieValues(header, NAME)).toEqual(expected);
  });

  it('has the values of the pairs that begin with the name, without the blanks around them', () => {
    const piece = fc.constantFrom(';', ' ', '\t', '=', 'a', 'n=', ' n=', ';n=b', '\u00a0');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const header = pieces.join('');
        const expected = header
          .split(';')
          .map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ''))
          .filter((pair) => pair.startsWith('n='))
          .map((pair) => pair.slice(2));
        expect(cookieValues(header, 'n')).toEqual(expected);
      }),
    );
  });
});

test('the session cookie has every attribute that the __Host- prefix and we demand', () => {
  expect(sessionCookie('lk_x', 86_400, { cookieName: NAME, sameSite: 'lax' })).toBe(
    '__Host-session=lk_x; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=86400',
  );
  expect(clearingCookie({ cookieName: NAME, sameSite: 'strict' })).toBe(
    '__Host-session=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0',
  );
});

test('the refresh cookie goes to one path only, and never along from another site', () => {
  expect(refreshCookie('lkr_x', 60, { refreshCookiePath: '/auth/refresh', sameSite: 'lax' })).toBe(
    '__Secure-refresh=lkr_x; Path=/auth/refresh; HttpOnly; Secure; SameSite=Strict; Max-Age=60',
  );
  expect(refreshCookie('lkr_x', 60, { sameSite: 'lax' })).toBeUndefined();
});

test('for pages of other sites both are partitioned, also when they are taken back', () => {
  const settings = { cookieName: NAME, sameSite: 'none', refreshCookiePath: '/r' } as const;
  expect(clearingCookie(settings)).toBe(
    '__Host-session=; Path=/; HttpOnly; Secure; SameSite=None; Partitioned; Max-Age=0',
  );
  expect(refreshCookie('lkr_x', 60, settings)).toBe(
    '__Secure-refresh=lkr_x; Path=/r; HttpOnly; Secure; SameSite=None; Partitioned; Max-Age=60',
  );
});

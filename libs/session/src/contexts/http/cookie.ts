import type { TransportSettings } from '../../options/settings.js';

type CookieSettings = Pick<TransportSettings, 'cookieName' | 'sameSite'>;

/** Browsers keep a third party's cookie, if at all, for one site at a time (CHIPS). */
const SAME_SITE = {
  lax: 'SameSite=Lax',
  strict: 'SameSite=Strict',
  none: 'SameSite=None; Partitioned',
} as const satisfies Record<TransportSettings['sameSite'], string>;

const NO_VALUES: readonly string[] = [];

/**
 * Every value that a `Cookie` header has under one name, as it stands there: not decoded, not unquoted. Only spaces and
 * tabs around a pair are dropped; more leniency has let other names pass for a `__Host-` one.
 */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || !header.includes(name)) return NO_VALUES;
  const prefix = `${name}=`;
  const values: string[] = [];
  // No expression: one that looks for blanks at a pair's end takes quadratic time for blanks inside it.
  for (let start = 0, end: number; start < header.length; start = end + 1) {
    end = header.indexOf(';', start);
    if (end < 0) end = header.length;
    while (isBlank(header, start)) start++;
    if (!header.startsWith(prefix, start)) continue;
    let last = end;
    while (isBlank(header, last - 1)) last--;
    values.push(header.slice(start + prefix.length, last));
  }
  return values;
}

function isBlank(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code === 0x20 || code === 0x09;
}

/** The `Set-Cookie` line that hands out a token. */
export function sessionCookie(token: string, maxAgeSeconds: number, settings: CookieSettings): string {
  const sameSite = SAME_SITE[settings.sameSite];
  return `${settings.cookieName}=${token}; Path=/; HttpOnly; Secure; ${sameSite}; Max-Age=${maxAgeSeconds}`;
}

/** The refresh token's: a prefix that demands `Secure`, since one that demands `Path=/` would send it with every request. */
export const REFRESH_COOKIE = '__Secure-refresh';

/** The `Set-Cookie` line that hands out a refresh token, to be sent to one path only; absent where it travels in no cookie. */
export function refreshCookie(
  token: string,
  maxAgeSeconds: number,
  { refreshCookiePath: path, sameSite }: Pick<TransportSettings, 'refreshCookiePath' | 'sameSite'>,
): string | undefined {
  if (path === undefined) return undefined;
  const sent = SAME_SITE[sameSite === 'none' ? 'none' : 'strict'];
  return `${REFRESH_COOKIE}=${token}; Path=${path}; HttpOnly; Secure; ${sent}; Max-Age=${maxAgeSeconds}`;
}

/** The `Set-Cookie` line that takes the token back. */
export function clearingCookie(settings: CookieSettings): string {
  return sessionCookie('', 0, settings);
}

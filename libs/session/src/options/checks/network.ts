import { ipListRef, IpRanges } from '../../rules/ip-address.js';
import {
  attempt,
  fail,
  flag,
  integer,
  isRecord,
  mustBe,
  noOthers,
  oneOf,
  shown,
  validName,
} from '../../rules/option-rules.js';
import { refreshCookie } from './refresh.js';
import type { SessionModuleOptions } from '../options.js';
import type { IpPolicySettings, TransportSettings } from '../settings.js';

const MAX_PROXY_HOPS = 32;

/** How tokens travel, and who is believed about the client IP. */
export function checkTransport(options: SessionModuleOptions): TransportSettings {
  const transports = options.transports ?? ['cookie', 'bearer'];
  if (!Array.isArray(transports) || transports.length === 0)
    fail('transports', "must be a list with 'cookie', 'bearer' or both");
  for (const transport of transports) oneOf('transports', transport, ['cookie', 'bearer']);
  const cookie = options.cookie ?? {};
  if (!isRecord(cookie)) mustBe('cookie', 'an object', cookie);
  noOthers(cookie, ['name', 'sameSite'], 'cookie.');
  const cookieName = cookie.name ?? '__Host-session';
  if (typeof cookieName !== 'string' || !/^__Host-[\w.-]{1,64}$/.test(cookieName)) {
    fail(
      'cookie.name',
      `must be '__Host-' and 1–64 letters, digits, . _ -, not ${shown(cookieName)}: the prefix keeps subdomains from planting it`,
    );
  }
  return {
    cookieEnabled: transports.includes('cookie'),
    bearerEnabled: transports.includes('bearer'),
    cookieName,
    sameSite: checkSameSite(options),
    allowedOrigins: checkAllowedOrigins(options.allowedOrigins),
    ...refreshCookie(options.refresh),
    ...(options.publicOrigin === undefined ? {} : { publicOrigin: checkOrigin(options.publicOrigin) }),
    ...(options.trustProxy === undefined ? {} : { trustProxy: checkTrustProxy(options.trustProxy) }),
    forwardedHeader: checkForwardedHeader(options),
    sessionExpiresHeader: flag('sessionExpiresHeader', options.sessionExpiresHeader),
  };
}

function checkSameSite({ cookie, allowedOrigins }: SessionModuleOptions): TransportSettings['sameSite'] {
  const sameSite = oneOf('cookie.sameSite', cookie?.sameSite ?? 'lax', ['lax', 'strict', 'none']);
  if (sameSite === 'none' && !allowedOrigins?.length)
    fail(
      'cookie.sameSite',
      "is 'none' and needs allowedOrigins: the pages of other sites that may send the cookie",
    );
  return sameSite;
}

/** Schemes that no page has as its origin's. */
const NO_ORIGINS = /^(about|blob|data|file|ftp|javascript|wss?):$/;

function checkAllowedOrigins(origins: readonly string[] = []): readonly string[] {
  if (!Array.isArray(origins))
    mustBe('allowedOrigins', "a list of origins such as ['https://app.example']", origins);
  return Array.from(origins as readonly unknown[], (origin, i) =>
    allowedOrigin(`allowedOrigins[${i}]`, origin),
  );
}

/** As browsers write it: in lower case, without the scheme's own port. */
function allowedOrigin(option: string, origin: unknown): string {
  const isBare = typeof origin === 'string' && /^[a-z][a-z\d+.-]*:\/\/[^/?#@\\\s*]+\/?$/i.test(origin);
  if (isBare && URL.canParse(origin)) {
    const { protocol, host, origin: standard } = new URL(origin);
    // Of schemes that it does not know, such as Capacitor's, the parser leaves the host as it is.
    if (!NO_ORIGINS.test(protocol))
      return standard === 'null' ? `${protocol}//${host.toLowerCase()}` : standard;
  }
  return fail(
    option,
    `must be an exact origin such as https://app.example or capacitor://localhost, not ${shown(origin)}: no path, no wildcard`,
  );
}

function checkOrigin(origin: string): string {
  if (typeof origin === 'string' && URL.canParse(origin)) {
    const url = new URL(origin);
    const isBare = url.href === `${url.origin}/` && !origin.includes('?') && !origin.includes('#');
    if (isBare && /^https?:$/.test(url.protocol)) return url.origin;
  }
  return fail(
    'publicOrigin',
    'must be an origin: scheme, host and port without a path, such as https://app.example',
  );
}

function checkTrustProxy(trustProxy: number | readonly string[]): number | readonly string[] {
  if (typeof trustProxy === 'number')
    return integer('trustProxy', trustProxy, { least: 0, most: MAX_PROXY_HOPS });
  if (!Array.isArray(trustProxy) || trustProxy.length === 0)
    fail('trustProxy', "must be a number of hops, or a list of CIDRs such as ['10.0.0.0/8']");
  attempt('trustProxy', () => new IpRanges(trustProxy as readonly string[]));
  return [...(trustProxy as readonly string[])];
}

function checkForwardedHeader({ forwardedHeader, trustProxy }: SessionModuleOptions): string {
  const byDefault = 'x-forwarded-for';
  if (forwardedHeader === undefined) return byDefault;
  if (typeof forwardedHeader !== 'string' || !/^[\w-]{1,64}$/.test(forwardedHeader))
    fail('forwardedHeader', `must be the name of a header, not ${shown(forwardedHeader)}`);
  const name = forwardedHeader.toLowerCase();
  if (name !== byDefault && trustProxy === undefined)
    fail('forwardedHeader', 'needs trustProxy: only trusted proxies may report the client IP');
  return name;
}

/** Where requests may come from. */
export function checkIpPolicy(ipPolicy: SessionModuleOptions['ipPolicy']): IpPolicySettings {
  if (ipPolicy === undefined) return { roles: [] };
  if (!isRecord(ipPolicy)) mustBe('ipPolicy', 'an object', ipPolicy);
  noOthers(ipPolicy, ['allow', 'deny', 'roles'], 'ipPolicy.');
  if (Object.keys(ipPolicy).length === 0)
    fail('ipPolicy', 'is empty: give it allow, deny or roles, or leave it out');
  const { allow, deny, roles = {} } = ipPolicy;
  if (!isRecord(roles)) mustBe('ipPolicy.roles', "an object such as { admin: 'office' }", roles);
  if (allow === undefined && deny === undefined && Object.keys(roles).length === 0)
    fail(
      'ipPolicy.roles',
      'is empty, and allow and deny are missing: give one of them, or leave ipPolicy out',
    );
  const requirements = {
    allow: allow === undefined ? [] : [ipListRef('ipPolicy.allow', allow)],
    deny: deny === undefined ? [] : [ipListRef('ipPolicy.deny', deny)],
  };
  return {
    ...(allow === undefined && deny === undefined ? {} : { requirements }),
    roles: Object.entries(roles).map(([role, list]) => [
      validName('ipPolicy.roles', role),
      ipListRef(`ipPolicy.roles.${role}`, list),
    ]),
  };
}

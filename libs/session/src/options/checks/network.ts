import { ipListRef, IpRanges } from '../../rules/ip-address.js';
import { attempt, fail, flag, integer, isRecord, noOthers, oneOf, validName } from '../../rules/option-rules.js';
import { refreshCookie } from './refresh.js';
import type { SessionModuleOptions } from '../options.js';
import type { IpPolicySettings, TransportSettings } from '../settings.js';

const MAX_PROXY_HOPS = 32;

/** How tokens travel, and who is believed about the client IP. */
export function checkTransport(options: SessionModuleOptions): TransportSettings {
  const transports = options.transports ?? ['cookie', 'bearer'];
  if (!Array.isArray(transports) || transports.length === 0)
    fail('transports', "must name 'cookie', 'bearer' or both");
  for (const transport of transports) oneOf('transports', transport, ['cookie', 'bearer']);
  const cookie = options.cookie ?? {};
  if (!isRecord(cookie)) fail('cookie', 'must be an object');
  noOthers(cookie, ['name', 'sameSite'], 'cookie.');
  const cookieName = cookie.name ?? '__Host-session';
  if (typeof cookieName !== 'string' || !/^__Host-[\w.-]{1,64}$/.test(cookieName)) {
    fail(
      'cookie.name',
      "must begin with '__Host-', which keeps subdomains from planting it, and go on in letters, digits, . _ -",
    );
  }
  return {
    cookieEnabled: transports.includes('cookie'),
    bearerEnabled: transports.includes('bearer'),
    cookieName,
    sameSite: oneOf('cookie.sameSite', cookie.sameSite ?? 'lax', ['lax', 'strict']),
    ...refreshCookie(options.refresh),
    ...(options.publicOrigin === undefined ? {} : { publicOrigin: checkOrigin(options.publicOrigin) }),
    ...(options.trustProxy === undefined ? {} : { trustProxy: checkTrustProxy(options.trustProxy) }),
    forwardedHeader: checkForwardedHeader(options),
    sessionExpiresHeader: flag('sessionExpiresHeader', options.sessionExpiresHeader),
  };
}

function checkOrigin(origin: string): string {
  if (typeof origin === 'string' && URL.canParse(origin)) {
    const url = new URL(origin);
    const isBare = url.href === `${url.origin}/` && !origin.includes('?') && !origin.includes('#');
    if (isBare && /^https?:$/.test(url.protocol)) return url.origin;
  }
  return fail('publicOrigin', 'must be an origin such as https://app.example, without a path');
}

function checkTrustProxy(trustProxy: number | readonly string[]): number | readonly string[] {
  if (typeof trustProxy === 'number')
    return integer('trustProxy', trustProxy, { least: 0, most: MAX_PROXY_HOPS });
  if (!Array.isArray(trustProxy) || trustProxy.length === 0)
    fail('trustProxy', 'must be a number of hops, or a list of CIDRs');
  attempt('trustProxy', () => new IpRanges(trustProxy as readonly string[]));
  return [...(trustProxy as readonly string[])];
}

function checkForwardedHeader({ forwardedHeader, trustProxy }: SessionModuleOptions): string {
  const byDefault = 'x-forwarded-for';
  if (forwardedHeader === undefined) return byDefault;
  if (typeof forwardedHeader !== 'string' || !/^[\w-]{1,64}$/.test(forwardedHeader))
    fail('forwardedHeader', "must be a header's name");
  const name = forwardedHeader.toLowerCase();
  if (name !== byDefault && trustProxy === undefined)
    fail('forwardedHeader', 'is read from trusted proxies only: say which with trustProxy');
  return name;
}

/** Where requests may come from. */
export function checkIpPolicy(ipPolicy: SessionModuleOptions['ipPolicy']): IpPolicySettings {
  if (ipPolicy === undefined) return { roles: [] };
  if (!isRecord(ipPolicy)) fail('ipPolicy', 'must be an object');
  noOthers(ipPolicy, ['allow', 'deny', 'roles'], 'ipPolicy.');
  if (Object.keys(ipPolicy).length === 0) fail('ipPolicy', 'needs allow, deny or roles');
  const { allow, deny, roles = {} } = ipPolicy;
  if (!isRecord(roles)) fail('ipPolicy.roles', 'must be an object: role to list');
  if (allow === undefined && deny === undefined && Object.keys(roles).length === 0)
    fail(
      'ipPolicy.roles',
      'is empty, and there is neither allow nor deny: leave ipPolicy out if none is meant',
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

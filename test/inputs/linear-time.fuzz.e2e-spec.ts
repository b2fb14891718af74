import { parseJwt } from '../../libs/session/src/signing/compact-jwt.js';
import { parseSessionEvent } from '../../libs/session/src/model/session-event.js';
import { toMilliseconds } from '../../libs/session/src/basics/duration.js';
import { clientIpResolver } from '../../libs/session/src/contexts/http/client-ip.js';
import { type NodeRequest, requestedOriginOf } from '../../libs/session/src/contexts/http/http.js';
import { normaliseIp, parseIpList } from '../../libs/session/src/rules/ip-address.js';
import { normaliseDevice } from '../../libs/session/src/rules/device.js';
import { checkedAct } from '../../libs/session/src/services/audit/audit-rules.js';
import { parseOneTimeToken } from '../../libs/session/src/token/one-time-token.js';
import { parseRefreshToken } from '../../libs/session/src/token/refresh-token.js';
import { isSessionId, parseToken, userRefOf } from '../../libs/session/src/token/session-token.js';
import { bearerToken } from '../../libs/session/src/contexts/http/bearer.js';
import { cookieValues } from '../../libs/session/src/contexts/http/cookie.js';
import { OriginRule } from '../../libs/session/src/contexts/http/cross-origin.js';
import { checkedBlock, checkedRoles } from '../../libs/session/src/services/users/checks.js';
import { bestTime, growth, HOSTILE_TEXTS } from './support/linear-time.js';

const COOKIE = '__Host-session';
const MOMENT_MS = 5;

function requestWith(headers: Record<string, string>): NodeRequest {
  return { headers, method: 'POST', socket: { remoteAddress: '127.0.0.1' } as NodeRequest['socket'] };
}

const origins = new OriginRule({
  allowedOrigins: ['https://spa.example'],
  trustProxy: 1,
  forwardedHeader: 'x-forwarded-for',
});

const forwarded = (header: string) => {
  const resolve = clientIpResolver({ trustProxy: ['127.0.0.0/8', '10.0.0.0/8'], forwardedHeader: header });
  return (text: string) => resolve(requestWith({ [header]: text }));
};

/** Whatever reads bytes that a client chose. What is not one text is led to each of its places. */
const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  'a Cookie header': (text) => cookieValues(text, COOKIE),
  'the value of our cookie': (text) => cookieValues(`${COOKIE}=${text}`, COOKIE),
  'what stands before our cookie': (text) => cookieValues(`${text};${COOKIE}=a`, COOKIE),
  'what stands after our cookie': (text) => cookieValues(`${COOKIE}=a;${text}`, COOKIE),
  'an Authorization header': bearerToken,
  'what follows the scheme': (text) => bearerToken(`bearer${text}`),
  'what follows the scheme and a space': (text) => bearerToken(`Bearer  ${text}`),
  'X-Forwarded-For': forwarded('x-forwarded-for'),
  'X-Forwarded-For behind trusted hops': (text) => forwarded('x-forwarded-for')(`${text},10.0.0.1`),
  Forwarded: forwarded('forwarded'),
  'Forwarded for=': (text) => forwarded('forwarded')(`for=${text}`),
  'Forwarded for="…"': (text) => forwarded('forwarded')(`for="${text}"`),
  'Forwarded by=': (text) => forwarded('forwarded')(`by=${text};for=1.2.3.4`),
  'a header of one address': forwarded('x-real-ip'),
  Host: (text) => requestedOriginOf(requestWith({ host: text })),
  'Host with a port': (text) => requestedOriginOf(requestWith({ host: `localhost:${text}` })),
  'Origin and Host': (text) => origins.admits(requestWith({ origin: `http://${text}`, host: text })),
  'Sec-Fetch-Site': (text) => origins.admits(requestWith({ 'sec-fetch-site': text })),
  'X-Forwarded-Host': (text) => origins.admits(requestWith({ origin: 'http://a', 'x-forwarded-host': text })),
  'X-Forwarded-Proto': (text) =>
    origins.admits(requestWith({ origin: 'http://a', 'x-forwarded-proto': text })),
  'User-Agent': (text) => normaliseDevice({ userAgent: text }),
  "a browser's User-Agent": (text) => normaliseDevice({ userAgent: `Mozilla/5.0 ${text}` }),
  'User-Agent of many versions': (text) =>
    normaliseDevice({ userAgent: `Mozilla/5.0 ${'Version/1.'.repeat(30)}${text}` }),
  "a device's name": (text) => normaliseDevice({ name: text }),
  "a device's IP": (text) => normaliseDevice({ ip: text }),
  'a session token': parseToken,
  'what follows lk_': (text) => parseToken(`lk_${text}`),
  'a refresh token': (text) => parseRefreshToken(`lkr_${text}`),
  'a one-time token': (text) => parseOneTimeToken(`lko_${text}`, 'reset'),
  'a JWT': parseJwt,
  "a JWT's parts": (text) => parseJwt(`${text}.${text}.${text}`),
  "a JWT's JSON": (text) => parseJwt(`${base64url(text)}.${base64url(text)}.AAAA`),
  'a JWT of dots': (text) => parseJwt('.'.repeat(text.length)),
  'a session ID': isSessionId,
  'a user id': userRefOf,
  'an IP address': normaliseIp,
  'a CIDR': (text) => parseIpList([text], 10),
  "a CIDR's length": (text) => parseIpList([`10.0.0.0/${text}`], 10),
  'a role': (text) => checkedRoles([text]),
  "a block's reason": (text) => checkedBlock({ reason: text }),
  'a detail of the audit log': (text) => checkedAct({ action: 'a', details: { note: text } }),
  'an action of the audit log': (text) => checkedAct({ action: text }),
  'a duration': (text) => toMilliseconds(text as '1s'),
  'a line of events': parseSessionEvent,
  'a line of events, its end': (text) => parseSessionEvent(`refresh.reused a 1 1 a ${text}`),
};

function base64url(text: string): string {
  return Buffer.from(`{"alg":"${text}"`).toString('base64url');
}

function quietly(parse: (text: string) => unknown, text: string): () => void {
  return () => {
    try {
      parse(text);
    } catch {
      // refused, which is an answer
    }
  };
}

/** `__Host-session=` + 15,500 spaces + `x` once took 230 ms. */
describe('a parser of client bytes takes linear time', () => {
  test.each(Object.entries(PARSERS))('%s', (_name, parse) => {
    const slow = Object.entries(HOSTILE_TEXTS).flatMap(([what, textOf]) => {
      const times = growth((size) => quietly(parse, textOf(size)));
      return times === undefined ? [] : [`${what}: ${times}`];
    });
    expect(slow).toEqual([]);
  });

  it('is told apart from one in quadratic time', () => {
    const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');
    expect(growth((size) => quietly(trimmed, `a${' '.repeat(size)}x`))).toMatch(/ms/);
  });

  it('takes no more than a moment for the longest header that Node lets through', () => {
    const slow = Object.entries(PARSERS).flatMap(([name, parse]) =>
      Object.entries(HOSTILE_TEXTS).flatMap(([what, textOf]) => {
        const ms = bestTime(quietly(parse, textOf(16_384)), 50, MOMENT_MS);
        return ms <= MOMENT_MS ? [] : [`${name}, ${what}: ${ms} ms`];
      }),
    );
    expect(slow).toEqual([]);
  });
});

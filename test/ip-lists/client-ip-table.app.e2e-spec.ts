import { get, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Req, type INestApplication } from '@nestjs/common';
import { IpAllowlist, Public, RateLimit, SessionTransport, type HttpRequest } from '@latchkey/session';
import { FakeClock, SessionTestingModule, type SessionTestingOptions } from '@latchkey/session/testing';
import { Test } from '@nestjs/testing';
import { PLATFORMS, type Platform } from '../support/library-app.js';

/** Whom the attacker would like to be. */
const OFFICE = '198.51.100.7';
const OFFICE_V6 = '2001:db8:feed::7';
const QUOTA = 3;

@Public()
@Controller()
class Target {
  constructor(private readonly transport: SessionTransport) {}

  @IpAllowlist([OFFICE, '2001:db8:feed::/64'])
  @Get('office')
  office() {
    return {};
  }

  @RateLimit({ name: 'counted', quota: QUOTA, window: '1h', by: 'ip' })
  @Get('counted')
  counted(@Req() request: HttpRequest) {
    return { ip: this.transport.clientIp(request) ?? null };
  }
}

const SETTINGS = {
  'nobody is trusted': {},
  'one hop': { trustProxy: 1 },
  'two hops': { trustProxy: 2 },
  CIDRs: { trustProxy: ['127.0.0.0/8', '::1', '10.0.0.0/8', '2001:db8:aaaa::/48'] },
  'one hop, Forwarded': { trustProxy: 1, forwardedHeader: 'forwarded' },
  'CIDRs, Forwarded': { trustProxy: ['127.0.0.0/8', '10.0.0.0/8'], forwardedHeader: 'forwarded' },
  'one hop, X-Real-IP': { trustProxy: 1, forwardedHeader: 'x-real-ip' },
} as const satisfies Record<string, Partial<SessionTestingOptions>>;
type Setting = keyof typeof SETTINGS;

const PEER = '127.0.0.1';
const XFF = 'X-Forwarded-For';
const FORWARDED = 'Forwarded';

/**
 * What a client sends (`#` is another digit each time: what it can make up), and whom that makes it; `null` is nobody who
 * can be known.
 */
const CASES: readonly (readonly [
  setting: Setting,
  headers: OutgoingHttpHeaders,
  ip: string | null,
  to?: string,
])[] = [
  // Nobody is trusted: headers say nothing.
  ['nobody is trusted', {}, PEER],
  ['nobody is trusted', { [XFF]: OFFICE }, PEER],
  ['nobody is trusted', { [XFF]: `203.0.113.#, ${OFFICE}` }, PEER],
  ['nobody is trusted', { [FORWARDED]: `for=${OFFICE}` }, PEER],
  ['nobody is trusted', { 'X-Real-IP': OFFICE }, PEER],
  [
    'nobody is trusted',
    { 'X-Client-IP': OFFICE, 'CF-Connecting-IP': OFFICE, 'True-Client-IP': OFFICE },
    PEER,
  ],
  ['nobody is trusted', { [XFF]: [OFFICE, '203.0.113.#'], [FORWARDED]: 'for=203.0.113.#' }, PEER],
  ['nobody is trusted', { [XFF]: OFFICE }, '::1', '::1'],
  ['nobody is trusted', { [XFF]: '::ffff:198.51.100.7' }, PEER, '::ffff:127.0.0.1'],

  // One hop: the proxy wrote the last entry, the client the rest.
  ['one hop', { [XFF]: '203.0.113.9' }, '203.0.113.9'],
  ['one hop', { [XFF]: OFFICE }, OFFICE], // the proxy itself says so
  ['one hop', { [XFF]: `${OFFICE}, 203.0.113.9` }, '203.0.113.9'],
  ['one hop', { [XFF]: `203.0.113.#, ${OFFICE}, 203.0.113.9` }, '203.0.113.9'],
  ['one hop', { [XFF]: [OFFICE, '203.0.113.9'] }, '203.0.113.9'], // two headers are one list
  ['one hop', { 'x-forwarded-FOR': [`203.0.113.#`, '203.0.113.9'] }, '203.0.113.9'],
  ['one hop', { [XFF]: `${OFFICE},,203.0.113.9` }, '203.0.113.9'],
  ['one hop', { [XFF]: `nonsense#, 203.0.113.9` }, '203.0.113.9'],
  ['one hop', { [XFF]: '203.0.113.9', [FORWARDED]: `for=${OFFICE}`, 'X-Real-IP': OFFICE }, '203.0.113.9'],
  ['one hop', { [XFF]: '203.0.113.9', [FORWARDED]: 'for=203.0.113.#' }, '203.0.113.9'],
  ['one hop', { [FORWARDED]: `for=${OFFICE}` }, PEER], // the proxy wrote no header of its own
  ['one hop', { [XFF]: '203.0.113.9:4711' }, '203.0.113.9'],
  ['one hop', { [XFF]: '203.0.113.9:5#' }, '203.0.113.9'], // another port is nobody else
  ['one hop', { [XFF]: '::ffff:203.0.113.9' }, '203.0.113.9'],
  ['one hop', { [XFF]: '::FFFF:cb00:7109' }, '203.0.113.9'],
  ['one hop', { [XFF]: '[::ffff:203.0.113.9]:4711' }, '203.0.113.9'],
  ['one hop', { [XFF]: `::ffff:${OFFICE}` }, OFFICE],
  ['one hop', { [XFF]: '2001:db8::9' }, '2001:db8::9'],
  ['one hop', { [XFF]: '2001:DB8:0:0::9' }, '2001:db8::9'],
  ['one hop', { [XFF]: '[2001:db8::9]' }, '2001:db8::9'],
  ['one hop', { [XFF]: '[2001:db8::9]:5#' }, '2001:db8::9'],
  ['one hop', { [XFF]: '2001:db8::#' }, '2001:db8::/64'], // one subscriber has them all
  ['one hop', { [XFF]: '2001:db8:0:0:#:#:#:#' }, '2001:db8::/64'],
  ['one hop', { [XFF]: 'fe80::9%eth#' }, 'fe80::9'], // the zone is the client's own business
  ['one hop', { [XFF]: OFFICE_V6 }, OFFICE_V6],
  ['one hop', { [XFF]: '' }, null],
  ['one hop', { [XFF]: 'unknown' }, null],
  ['one hop', { [XFF]: `${OFFICE}, unknown` }, null],
  ['one hop', { [XFF]: `${OFFICE}, ` }, null],
  ['one hop', { [XFF]: `${OFFICE} 203.0.113.#` }, null],
  ['one hop', { [XFF]: `${OFFICE}.` }, null],
  ['one hop', { [XFF]: '198.51.100.007' }, null],
  ['one hop', { [XFF]: '198.51.100' }, null],
  ['one hop', { [XFF]: '0xc6336407' }, null],
  ['one hop', { [XFF]: '3325256711' }, null],
  ['one hop', { [XFF]: `${OFFICE}/32` }, null],
  ['one hop', { [XFF]: `${OFFICE}:99999999` }, null],
  ['one hop', { [XFF]: `"${OFFICE}"` }, null],
  ['one hop', { [XFF]: `[${OFFICE}]` }, null],
  ['one hop', { [XFF]: `[${OFFICE_V6}` }, null],
  ['one hop', { [XFF]: 'localhost' }, null],
  ['one hop', { [XFF]: `${'9'.repeat(4_000)}#` }, null],
  ['one hop', { [XFF]: `for=${OFFICE}` }, null],

  // Two hops: the second proxy wrote the last entry, the first the one before.
  ['two hops', { [XFF]: `${OFFICE}, 203.0.113.9, 10.0.0.2` }, '203.0.113.9'],
  ['two hops', { [XFF]: `203.0.113.#, 203.0.113.9, 10.0.0.2` }, '203.0.113.9'],
  ['two hops', { [XFF]: [`${OFFICE}, 203.0.113.9`, '10.0.0.2'] }, '203.0.113.9'],
  ['two hops', { [XFF]: '203.0.113.9' }, '203.0.113.9'], // came in past the first proxy
  ['two hops', { [XFF]: 'unknown, 10.0.0.2' }, null],
  ['two hops', { [XFF]: `${OFFICE}, 203.0.113.9, nonsense#` }, null],

  // CIDRs: the nearest address that is no proxy's.
  ['CIDRs', { [XFF]: `${OFFICE}, 203.0.113.9, 10.0.0.2, 10.255.0.1` }, '203.0.113.9'],
  ['CIDRs', { [XFF]: `${OFFICE}, 203.0.113.9, 2001:db8:aaaa::1, ::ffff:10.0.0.2` }, '203.0.113.9'],
  ['CIDRs', { [XFF]: `203.0.113.#, 203.0.113.9` }, '203.0.113.9'],
  ['CIDRs', { [XFF]: `${OFFICE}, 203.0.113.9` }, '203.0.113.9', '::1'],
  ['CIDRs', { [XFF]: `${OFFICE}, 203.0.113.9` }, '203.0.113.9', '::ffff:127.0.0.1'],
  ['CIDRs', { [XFF]: `${OFFICE}, unknown, 10.0.0.2` }, null],
  ['CIDRs', { [XFF]: `${OFFICE}, 2001:db8:aaab::#` }, '2001:db8:aaab::/64'],
  ['CIDRs', { [XFF]: '10.0.0.5, 10.0.0.2' }, '10.0.0.5'], // a client inside

  // Forwarded (RFC 7239), and no other header.
  ['one hop, Forwarded', { [FORWARDED]: 'for=203.0.113.9' }, '203.0.113.9'],
  [
    'one hop, Forwarded',
    { [FORWARDED]: `for=${OFFICE}, for=203.0.113.9;proto=https;by=10.0.0.1` },
    '203.0.113.9',
  ],
  [
    'one hop, Forwarded',
    { [FORWARDED]: [`for=${OFFICE}`, 'proto=http; For="203.0.113.9:4711"'] },
    '203.0.113.9',
  ],
  ['one hop, Forwarded', { [FORWARDED]: 'for="[2001:db8::#]:4711"' }, '2001:db8::/64'],
  ['one hop, Forwarded', { [FORWARDED]: `for="${OFFICE}, for=203.0.113.9` }, '203.0.113.9'],
  ['one hop, Forwarded', { [FORWARDED]: 'for=203.0.113.9', [XFF]: OFFICE }, '203.0.113.9'],
  ['one hop, Forwarded', { [XFF]: OFFICE }, PEER],
  ['one hop, Forwarded', { [FORWARDED]: `for=${OFFICE};for=203.0.113.9` }, null],
  ['one hop, Forwarded', { [FORWARDED]: 'for=_hidden#' }, null],
  ['one hop, Forwarded', { [FORWARDED]: 'for=unknown' }, null],
  ['one hop, Forwarded', { [FORWARDED]: `by=${OFFICE}` }, null],
  ['one hop, Forwarded', { [FORWARDED]: OFFICE }, null],
  ['CIDRs, Forwarded', { [FORWARDED]: `for=${OFFICE}, for=203.0.113.9, for=10.0.0.2` }, '203.0.113.9'],
  ['CIDRs, Forwarded', { [FORWARDED]: `for=${OFFICE}, for=_x#, for=10.0.0.2` }, null],

  // A header that is one address.
  ['one hop, X-Real-IP', { 'X-Real-IP': '203.0.113.9' }, '203.0.113.9'],
  ['one hop, X-Real-IP', { 'X-Real-IP': '203.0.113.9', [XFF]: OFFICE }, '203.0.113.9'],
  ['one hop, X-Real-IP', { 'X-Real-IP': [OFFICE, '203.0.113.9'] }, null],
  ['one hop, X-Real-IP', { 'X-Real-IP': `${OFFICE}, 203.0.113.9` }, null],
];

interface Node {
  readonly app: INestApplication;
  readonly clock: FakeClock;
}

async function startNode(platform: Platform, settings: Partial<SessionTestingOptions>): Promise<Node> {
  const clock = new FakeClock();
  const testing = await Test.createTestingModule({
    imports: [SessionTestingModule.forRoot({ guard: 'global', ...settings, clock })],
    controllers: [Target],
  }).compile();
  const app = testing.createNestApplication(platform.adapter(), { logger: false });
  await app.listen(0, '::'); // IPv4 comes as mapped addresses
  return { app, clock };
}

interface Reply {
  readonly status: number;
  readonly ip: string | null | undefined;
}

describe.each(PLATFORMS)('a client IP that somebody makes up, on $name', (platform) => {
  const nodes = new Map<Setting, Node>();

  beforeAll(async () => {
    for (const [setting, settings] of Object.entries(SETTINGS)) {
      nodes.set(setting as Setting, await startNode(platform, settings));
    }
  });
  afterAll(() => Promise.all([...nodes.values()].map(({ app }) => app.close())));

  function ask(node: Node, path: string, headers: OutgoingHttpHeaders, to: string): Promise<Reply> {
    const { port } = node.app.getHttpServer().address() as AddressInfo;
    return new Promise((resolve, reject) => {
      get({ host: to, port, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const { ip } = JSON.parse(text) as { ip?: string | null };
          resolve({ status: response.statusCode ?? 0, ip });
        });
      }).on('error', reject);
    });
  }

  it('is a table of at least 40 cases', () => {
    expect(new Set(CASES.map((one) => JSON.stringify(one))).size).toBe(CASES.length);
    expect(CASES.length).toBeGreaterThanOrEqual(40);
  });

  const cases = CASES.map(([setting, headers, ip, to = PEER]) => [setting, headers, ip, to] as const);
  it.each(cases)('%s: %j is %s, asked at %s', async (setting, headers, expected, to) => {
    const node = nodes.get(setting) as Node;
    node.clock.advance(3_600_000); // the quotas of other cases are whole again
    const made = (i: number): OutgoingHttpHeaders =>
      JSON.parse(JSON.stringify(headers).replaceAll('#', String(i + 1))) as OutgoingHttpHeaders;

    // Nobody gets in whom the list does not hold, whatever they make up.
    const isWelcome = expected === OFFICE || expected === OFFICE_V6;
    for (let i = 0; i < 3; i++) {
      expect((await ask(node, '/office', made(i), to)).status).toBe(isWelcome ? 200 : 403);
    }

    // Nobody gets a quota of their own anew, whatever they make up.
    const replies: Reply[] = [];
    for (let i = 0; i <= QUOTA; i++) replies.push(await ask(node, '/counted', made(i), to));
    expect(replies.map(({ status }) => status)).toEqual([...Array<number>(QUOTA).fill(200), 429]);
    if (!expected?.endsWith('/64')) expect(replies[0]?.ip).toBe(expected);

    // And it is the quota of the very one they are: an honest request of theirs finds it used up, and others do not.
    const honest = honestly(setting, expected);
    if (honest) expect((await ask(node, '/counted', honest, to)).status).toBe(429);
    const other = honestly(setting, '192.0.2.1');
    if (other) expect((await ask(node, '/counted', other, to)).status).toBe(200);
  });
});

/** What a proxy writes for a client of this address, as the setting has it. */
function honestly(setting: Setting, ip: string | null): OutgoingHttpHeaders | undefined {
  if (ip === null || ip === PEER || setting === 'nobody is trusted') return undefined;
  const address = ip.replace('::/64', '::dead:beef');
  if (setting === 'one hop, X-Real-IP') return { 'X-Real-IP': address };
  if (setting.endsWith('Forwarded')) {
    return { [FORWARDED]: address.includes(':') ? `for="[${address}]"` : `for=${address}` };
  }
  return { [XFF]: setting === 'two hops' ? `${address}, 10.0.0.2` : address };
}

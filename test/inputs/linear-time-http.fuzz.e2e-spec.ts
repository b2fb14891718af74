import { request, type OutgoingHttpHeaders } from 'node:http';
import { controllers } from '../contexts/support/transport-controllers.js';
import { PLATFORMS, startApp, stopApps } from '../support/library-app.js';
import { HOSTILE_TEXTS } from './support/linear-time.js';

/** As long as a header can be beside the others: Node takes 16 KiB of them. */
const LENGTH = 15_000;
const REQUESTS = 3;
/** Beside what a harmless header of that length takes. A cookie once took 200 ms. */
const SLACK_MS = 15;
/** What is slow is slow each time; what collects garbage beside it is not. */
const LOOKS = 12;

/** Where a client's bytes go; what stands in for `…` is the hostile text. */
const PLACES: readonly OutgoingHttpHeaders[] = [
  { cookie: '…' },
  { cookie: '__Host-session=…' },
  { cookie: '__Host-session=a;…', 'sec-fetch-site': 'same-origin' },
  { authorization: '…' },
  { authorization: 'bearer …' },
  { authorization: 'Bearer  …x' },
  { authorization: 'Bearer ….….…' },
  { 'x-forwarded-for': '…' },
  { 'x-forwarded-for': '…, 127.0.0.1' },
  { 'user-agent': 'Mozilla/5.0 …' },
  { origin: 'http://…', cookie: '__Host-session=a' },
  { host: '…', origin: 'http://localhost', cookie: '__Host-session=a' },
  { 'content-type': 'application/json; charset=…' },
  { accept: '…', 'accept-language': 'en' },
  { 'if-none-match': '…' },
];

/** One connection once moved `/health` from 4 to 589 ms. */
describe.each(PLATFORMS)('a header of 15 KB on $name', (platform) => {
  let url: string;

  beforeAll(async () => {
    const session = { guard: 'global', trustProxy: ['127.0.0.0/8'] } as const;
    const running = await startApp({ platform, controllers, session });
    url = await running.app.getUrl();
  });
  afterAll(stopApps);

  /** The quickest of a few requests to each route, or the first that is quick enough, and of those the slowest. */
  async function timeOf(headers: OutgoingHttpHeaders, enoughMs = 0): Promise<number> {
    let slowest = 0;
    for (const path of ['/things', '/auth/login', '/auth/read']) {
      let best = Infinity;
      for (let i = 0; i < REQUESTS && best > enoughMs; i++) {
        const startedAt = process.cpuUsage();
        await send(path, headers);
        const { user, system } = process.cpuUsage(startedAt); // of client and server; a busy machine adds nothing
        best = Math.min(best, (user + system) / 1_000);
      }
      slowest = Math.max(slowest, best);
    }
    return slowest;
  }

  function send(path: string, headers: OutgoingHttpHeaders): Promise<void> {
    return new Promise((resolve, reject) => {
      const all = { 'content-type': 'application/json', ...headers };
      const sent = request(url + path, { method: 'POST', headers: all, agent: false }, (response) => {
        response.resume().once('end', resolve).once('error', reject);
      });
      sent.once('error', reject).end('{"userId":"alice"}');
    });
  }

  test.each(PLACES.map((place) => [JSON.stringify(place), place] as const))('%s', async (_name, place) => {
    const harmless = await timeOf({ 'x-filler': 'a'.repeat(LENGTH) });
    const slow: string[] = [];
    for (const [what, textOf] of Object.entries(HOSTILE_TEXTS)) {
      const headers = Object.fromEntries(
        Object.entries(place).map(([name, value]) => {
          const room = LENGTH / String(value).split('…').length;
          // What no header can hold never arrives.
          const text = textOf(room).replace(/[^\t\x20-\x7e\x80-\xff]/g, '\xff');
          return [
            name,
            String(value)
              .replaceAll('…', () => text)
              .slice(0, LENGTH),
          ];
        }),
      );
      let ms = Infinity;
      const enoughMs = harmless * 4 + SLACK_MS;
      for (let look = 0; look < LOOKS && ms > enoughMs; look++) ms = await timeOf(headers, enoughMs);
      if (ms > enoughMs) slow.push(`${what}: ${ms} ms instead of ${harmless} ms`);
    }
    expect(slow).toEqual([]);
  });
});

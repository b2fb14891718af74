import type { NodeRequest } from './http.js';
import { OriginRule } from './cross-origin.js';

interface Sent {
  readonly method?: string;
  readonly site?: string;
  readonly origin?: string;
  readonly host?: string;
  readonly encrypted?: boolean;
  readonly publicOrigin?: string;
}

const allowedOrigins = ['https://spa.example', 'capacitor://localhost', 'http://app.example:5173'];

function isRefused({
  method = 'POST',
  site,
  origin,
  host = 'app.example',
  encrypted,
  publicOrigin,
}: Sent): boolean {
  const request = {
    method,
    headers: {
      host,
      ...(site === undefined ? {} : { 'sec-fetch-site': site }),
      ...(origin === undefined ? {} : { origin }),
    },
    socket: { encrypted },
  } as unknown as NodeRequest;
  try {
    const own = publicOrigin === undefined ? {} : { publicOrigin };
    new OriginRule({ allowedOrigins, forwardedHeader: 'x-forwarded-for', ...own }).assertIfUnsafe(request);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'cross_origin', statusCode: 403 });
    return true;
  }
}

test.each<[boolean, Sent]>([
  [false, {}],
  [false, { site: 'same-origin' }],
  [false, { site: 'same-origin', origin: 'http://else.example' }],
  [true, { site: 'same-site' }],
  [true, { site: 'cross-site' }],
  [true, { site: 'none' }],
  [true, { site: '' }],
  [true, { site: 'same-origin, same-origin' }],
  [true, { site: 'cross-site', origin: 'http://app.example' }],
  [false, { origin: 'http://app.example' }],
  [true, { origin: 'https://app.example' }],
  [true, { origin: 'http://app.example:8080' }],
  [true, { origin: 'http://app.example.evil' }],
  [true, { origin: 'http://sub.app.example' }],
  [true, { origin: 'null' }],
  [true, { origin: '' }],
  [false, { origin: 'http://app.example:8080', host: 'app.example:8080' }],
  [false, { origin: 'http://app.example', host: 'APP.example:80' }],
  [true, { origin: 'http://app.example', host: 'not a host' }],
  [false, { origin: 'https://app.example', encrypted: true }],
  [true, { origin: 'http://app.example', encrypted: true }],
  [false, { origin: 'https://www.example', publicOrigin: 'https://www.example' }],
  [true, { origin: 'http://app.example', publicOrigin: 'https://www.example' }],
  [false, { origin: 'https://spa.example' }],
  [false, { origin: 'https://spa.example', site: 'cross-site' }],
  [false, { origin: 'capacitor://localhost', site: 'cross-site' }],
  [false, { origin: 'http://app.example:5173', site: 'same-site' }],
  [true, { origin: 'http://spa.example', site: 'cross-site' }],
  [true, { origin: 'https://spa.example:444' }],
  [true, { origin: 'https://spa.example.evil' }],
  [true, { origin: 'https://SPA.example' }],
  [true, { origin: 'https://spa.example/' }],
  [true, { origin: 'https://spa.example, https://spa.example' }],
  [true, { origin: 'https://sub.spa.example' }],
  [true, { origin: 'ionic://localhost' }],
  [true, { method: 'PUT', site: 'cross-site' }],
  [true, { method: 'PATCH', site: 'cross-site' }],
  [true, { method: 'DELETE', site: 'cross-site' }],
  [true, { method: 'QUERY', site: 'cross-site' }],
  [false, { method: 'GET', site: 'cross-site' }],
  [false, { method: 'HEAD', site: 'cross-site' }],
  [false, { method: 'OPTIONS', site: 'cross-site' }],
])('refused: %s for %j', (refused, sent) => {
  expect(isRefused(sent)).toBe(refused);
});

describe('the refusal', () => {
  const environment = process.env['NODE_ENV'];
  afterEach(() => void (process.env['NODE_ENV'] = environment));

  const detailFor = (origin?: string): string => {
    const request = {
      method: 'POST',
      headers: { host: 'app.example', 'sec-fetch-site': 'cross-site', ...(origin && { origin }) },
      socket: {},
    } as unknown as NodeRequest;
    try {
      new OriginRule({ allowedOrigins: [], forwardedHeader: 'x-forwarded-for' }).assert(request);
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };

  it('names the option in development, and nothing in production', () => {
    expect(detailFor('https://spa.example')).toBe(
      "Requests from another origin are refused: 'https://spa.example' is not in the option allowedOrigins (our own is 'http://app.example')",
    );
    expect(detailFor('x'.repeat(10_000)).length).toBeLessThan(300);
    for (const origin of [undefined, 'null'])
      expect(detailFor(origin)).toBe('Requests from another origin are refused');
    process.env['NODE_ENV'] = 'production';
    expect(detailFor('https://spa.example')).toBe('Requests from another origin are refused');
  });
});

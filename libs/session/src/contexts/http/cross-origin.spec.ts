import type { NodeRequest } from './http.js';
import { assertSameOrigin } from './cross-origin.js';

interface Sent {
  readonly method?: string;
  readonly site?: string;
  readonly origin?: string;
  readonly host?: string;
  readonly encrypted?: boolean;
  readonly publicOrigin?: string;
}

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
    assertSameOrigin(request, publicOrigin === undefined ? {} : { publicOrigin });
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

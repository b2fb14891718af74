import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext } from 'playwright-core';
import { AppProcess } from '../support/app-process.js';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';
import { buildSample } from '../sample/support/build.js';
import { Client } from '../sample/support/client.js';

let app: AppProcess;
let foreign: Server;
let browser: Browser;
let authorization: string;
let context: BrowserContext;
let tab: Tab;

beforeAll(async () => {
  await buildSample();
  browser = await launchChromium();
}, INSTALL_TIMEOUT_MS);

beforeAll(async () => {
  app = await AppProcess.start();
  const alice = await new Client(app.url).login('alice', 'correct-horse-alice');
  authorization = `Bearer ${alice.token}`;
  foreign = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<title>foreign</title>Foreign');
  });
  await once(foreign.listen(0, '127.0.0.1'), 'listening');
});

afterAll(async () => {
  await browser?.close();
  foreign?.close();
  foreign?.closeAllConnections();
  await app?.stop();
});

/** A browser that has a cookie of a session that ended long ago, which no script can see or take away. */
beforeEach(async () => {
  context = await browser.newContext();
  await context.addCookies([
    {
      name: '__Host-session',
      value: 'stale-cookie-of-last-year',
      url: app.url.replace('http:', 'https:'),
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
    },
  ]);
  tab = await Tab.open(context);
});

afterEach(() => context.close());

async function hasCookie(): Promise<boolean> {
  return (await context.cookies()).some(({ name }) => name === '__Host-session');
}

/** What a script of the page gets: `[status, code]`, or that the browser shows it nothing. */
function ask(url: string, init: object): Promise<unknown> {
  return tab.evaluate(
    `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)})
      .then(async (reply) => [reply.status, (await reply.json()).code ?? null])
      .catch(({ name }) => name)`,
  );
}

describe('A stale cookie in a browser whose page sends a bearer token', () => {
  it.each([
    ['GET /auth/me', '/auth/me', { method: 'GET' }, 200],
    ['POST /posts', '/posts', { method: 'POST', body: '{"text":"hello"}' }, 201],
    [
      'POST /auth/login',
      '/auth/login',
      { method: 'POST', body: '{"username":"bob","password":"correct-horse-bob","transport":"bearer"}' },
      200,
    ],
  ])('is in the way of %s once', async (_name, path, init, status) => {
    const request = { ...init, headers: { authorization, 'content-type': 'application/json' } };
    await tab.goto(`${app.url}/health`);
    expect(await hasCookie()).toBe(true);
    expect(await ask(path, request)).toEqual([400, 'ambiguous_credentials']);
    expect(await hasCookie()).toBe(false);
    expect(await ask(path, request)).toEqual([status, null]);
  });

  it.each([
    ['of another site', 'localhost'],
    ['of the same site', '127.0.0.1'],
  ])('is not taken away by a page %s', async (_name, host) => {
    await tab.goto(`http://${host}:${(foreign.address() as AddressInfo).port}/`);
    for (const method of ['GET', 'POST']) {
      for (const path of ['/auth/me', '/auth/login', '/auth/logout']) {
        const request = { method, credentials: 'include' };
        // The first asks us beforehand whether it may; the second arrives, and shows its page nothing.
        for (const more of [{ headers: { authorization } }, { mode: 'no-cors' }])
          expect(await ask(`${app.url}${path}`, { ...request, ...more })).toBe('TypeError');
      }
    }
    expect(await hasCookie()).toBe(true);
    // Cookies know no ports: a page of the same site has this one sent.
    await tab.evaluate(
      `document.body.append(Object.assign(document.createElement('form'), { method: 'POST', action: '${app.url}/auth/logout' }))`,
    );
    await tab.evaluate('document.forms[0].submit()');
    await tab.says(/cross_origin|session_missing/);
    expect(await hasCookie()).toBe(true);
  });
});

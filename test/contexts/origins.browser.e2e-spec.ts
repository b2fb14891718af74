import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, type MessageEvent, Sse } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionService, type SessionModuleOptions } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { interval, map, type Observable } from 'rxjs';
import type { Browser, BrowserContext } from 'playwright-core';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';
import { PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';
import { controllers } from './support/transport-controllers.js';

@Controller()
class TicksController {
  @Sse('ticks')
  ticks(): Observable<MessageEvent> {
    return interval(20).pipe(map((n) => ({ type: 'tick', data: { n } })));
  }
}

@WebSocketGateway({ path: '/ws' })
class Gateway {
  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }
}

let pages: Server;
let browser: Browser;
let context: BrowserContext;
let tab: Tab;
/** The page's origin on the API's site, and on another one. */
let [sameSite, otherSite] = ['', ''];

beforeAll(async () => void (browser = await launchChromium()), INSTALL_TIMEOUT_MS);
beforeAll(async () => {
  pages = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<title>app</title>App');
  });
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  const { port } = pages.address() as AddressInfo;
  [sameSite, otherSite] = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
});
afterAll(async () => {
  await browser?.close();
  pages?.close();
  pages?.closeAllConnections();
});

describe.each(PLATFORMS)('a page of another origin in Chromium, with an API on $name', (platform) => {
  let running: RunningApp;
  let url: string;

  async function openAt(origin: string, session: SessionModuleOptions): Promise<void> {
    running = await startApp({
      platform,
      controllers: [...controllers, TicksController],
      module: { providers: [Gateway] },
      session: { guard: 'global', ...(session as object) },
      prepare: (app) => {
        app.useWebSocketAdapter(new SessionWsAdapter(app));
        app.enableCors({ origin: [sameSite, otherSite], credentials: true });
      },
    });
    url = await running.app.getUrl();
    context = await browser.newContext();
    tab = await Tab.open(context);
    await tab.goto(`${origin}/`);
  }
  afterEach(async () => {
    await context.close();
    await stopApps();
  });

  const send = (path: string, body: object = {}) =>
    tab.evaluate(
      `fetch('${url}${path}', {
        method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '${JSON.stringify(body)}',
      }).then(async (reply) => [reply.status, (await reply.json()).code ?? null])`,
    );
  const logIn = () => send('/auth/login', { userId: 'ada', assertFirst: true });

  it('logs in and posts, listens to a stream until its session ends, and opens a socket', async () => {
    await openAt(sameSite, { allowedOrigins: [sameSite] });
    expect(await logIn()).toEqual([201, null]);
    expect(await send('/things')).toEqual([201, null]);
    expect(
      await tab.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket('${url.replace('http', 'ws')}/ws');
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
      })`),
    ).toBe('open');
    await tab.evaluate(`new Promise((resolve) => {
      window.events = [];
      const stream = new EventSource('${url}/ticks', { withCredentials: true });
      stream.addEventListener('tick', () => resolve());
      stream.addEventListener('session-ended', ({ data }) => { window.events.push(data); stream.close(); });
    })`);
    await running.app.get(SessionService).revokeAll('ada');
    for (let i = 0; i < 100 && (await tab.evaluate('events.length')) === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await tab.evaluate('events')).toEqual(['{"code":"session_revoked"}']);
    expect(await send('/things')).toEqual([401, 'session_revoked']);
  });

  it('gets nothing without the option, though CORS would let it', async () => {
    await openAt(sameSite, {});
    expect(await logIn()).toEqual([403, 'cross_origin']);
    await tab.goto(`${url}/nowhere`); // a page of the API's own logs in
    expect(await logIn()).toEqual([201, null]);
    await tab.goto(`${sameSite}/`);
    expect(await send('/things')).toEqual([403, 'cross_origin']);
    expect(
      await tab.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket('${url.replace('http', 'ws')}/ws');
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
      })`),
    ).toBe('refused');
  });

  it('of another site has a cookie only with sameSite none', async () => {
    await openAt(otherSite, { allowedOrigins: [otherSite] });
    expect(await logIn()).toEqual([201, null]);
    expect(await send('/things')).toEqual([401, 'session_missing']);
    await context.close();
    await stopApps();
    await openAt(otherSite, { allowedOrigins: [otherSite], cookie: { sameSite: 'none' } });
    expect(await logIn()).toEqual([201, null]);
    expect(await send('/things')).toEqual([201, null]);
    // Anywhere else it is not there: the cookie belongs to that site's pages.
    for (const place of [`${sameSite}/`, `${url}/nowhere`]) {
      await tab.goto(place);
      expect(await send('/things')).toEqual([401, 'session_missing']);
    }
    await tab.goto(`${otherSite}/`);
    expect(await send('/auth/logout')).toEqual([201, null]);
    expect(await send('/things')).toEqual([401, 'session_missing']);
  });
});

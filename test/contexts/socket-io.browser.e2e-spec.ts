import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentUser, SessionService, type SessionModuleOptions, type UserState } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import type { Browser, BrowserContext } from 'playwright-core';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';
import { type RunningApp, startApp, stopApps } from '../support/library-app.js';
import { controllers } from './support/transport-controllers.js';

// CORS lets every page in: what keeps them out is the cross-origin rule.
@WebSocketGateway({ cors: { origin: true, credentials: true } })
class Gateway {
  @SubscribeMessage('me')
  me(@CurrentUser() user: UserState): unknown {
    return { id: user.id };
  }
}

let pages: Server;
let browser: Browser;
let context: BrowserContext;
let tab: Tab;
/** The origin of a page on the API's site. */
let sameSite = '';

beforeAll(async () => void (browser = await launchChromium()), INSTALL_TIMEOUT_MS);
beforeAll(async () => {
  pages = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<title>app</title>App');
  });
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  sameSite = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser?.close();
  pages?.close();
  pages?.closeAllConnections();
});

describe('socket.io in Chromium, with the cookie', () => {
  let running: RunningApp;
  let url: string;

  /** A page of the API's own origin logs in; then the tab is at another one. */
  async function openAt(place: string, session: SessionModuleOptions = {}): Promise<void> {
    running = await startApp({
      controllers,
      module: { providers: [Gateway] },
      session: { guard: 'global', ...(session as object) },
      prepare: (app) => {
        app.useWebSocketAdapter(new SessionIoAdapter(app));
        app.enableCors({ origin: true, credentials: true });
      },
    });
    url = await running.app.getUrl();
    context = await browser.newContext();
    tab = await Tab.open(context);
    await tab.goto(`${url}/nowhere`);
    expect(
      await tab.evaluate(`fetch('/auth/login', {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"userId":"ada"}',
      }).then((reply) => reply.status)`),
    ).toBe(201);
    if (place !== '') await tab.goto(`${place}/`);
    await tab.evaluate(`new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = '${url}/socket.io/socket.io.js';
      script.onload = () => resolve();
      script.onerror = () => reject(new Error('no script'));
      document.head.append(script);
    })`);
  }
  afterEach(async () => {
    await context.close();
    await stopApps();
  });

  const connect = (transports: readonly string[]) =>
    tab.evaluate(`new Promise((resolve) => {
      window.ends ??= [];
      window.socket = io('${url}', {
        transports: ${JSON.stringify(transports)}, withCredentials: true, forceNew: true, reconnection: false,
      });
      socket.on('connect', () => resolve('open'));
      socket.on('connect_error', (error) => resolve(error.data?.code ?? String(error)));
      socket.on('session-ended', ({ code }) => window.ends.push(code));
    })`);
  const WAYS = [['polling', 'websocket'], ['polling'], ['websocket']];

  it('a page of our own joins by any transport, and is told of the end', async () => {
    await openAt('');
    for (const transports of WAYS) {
      expect(await connect(transports)).toBe('open');
      expect(await tab.evaluate(`socket.emitWithAck('me')`)).toEqual({ id: 'ada' });
    }
    await running.app.get(SessionService).revokeAll('ada');
    for (let i = 0; i < 100 && (await tab.evaluate('ends.length')) !== WAYS.length; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await tab.evaluate('[ends, socket.connected]')).toEqual([
      WAYS.map(() => 'session_revoked'),
      false,
    ]);
  });

  it('a page of another origin is refused, though CORS would let it', async () => {
    await openAt(sameSite);
    for (const transports of WAYS) expect(await connect(transports)).toBe('cross_origin');
  });

  it('unless allowedOrigins names it', async () => {
    await openAt(sameSite, { allowedOrigins: [sameSite] });
    for (const transports of WAYS) expect(await connect(transports)).toBe('open');
  });
});

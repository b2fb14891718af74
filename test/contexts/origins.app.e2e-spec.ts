import { Controller, Get, type INestApplication, Logger, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type HttpRequest, Public, SessionModule, SessionTransport } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { SocketClient } from '../live/support/clients.js';
import { PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';
import { controllers } from './support/transport-controllers.js';

const allowedOrigins = ['https://spa.example', 'http://localhost:5173', 'Capacitor://LocalHost'];

@WebSocketGateway({ path: '/ws' })
class Gateway {
  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }
}

/** What an app does that opens connections of its own. */
@Public()
@Controller('handshake')
class HandshakeController {
  constructor(private readonly transport: SessionTransport) {}

  @Get()
  open(@Req() request: HttpRequest) {
    this.transport.assertOrigin(request);
    return { token: this.transport.readToken(request) ?? null };
  }
}

describe.each(PLATFORMS)('other origins, on $name', (platform) => {
  let running: RunningApp;
  let url: string;
  let cookie: string;
  const start = async (session: object) => {
    running = await startApp({
      platform,
      controllers: [...controllers, HandshakeController],
      module: { providers: [Gateway] },
      session: { guard: 'global', ...session },
      prepare: (app) => app.useWebSocketAdapter(new SessionWsAdapter(app)),
    });
    url = await running.app.getUrl();
    ({ cookie } = await loginAs(running.app, { userId: 'alice' }));
  };
  afterAll(stopApps);

  type Sent = Record<string, string>;
  const post = (headers: Sent, path = '/things') => running.http.post(path).set({ cookie, ...headers });
  async function knock(headers: Sent): Promise<unknown> {
    try {
      (await SocketClient.open(url, { cookie, ...headers })).close();
      return 'open';
    } catch (error) {
      return /\{.*\}/.exec((error as Error).message)?.[0] ?? error;
    }
  }

  describe('with allowedOrigins', () => {
    beforeAll(() => start({ allowedOrigins }));

    it.each<[isAllowed: boolean, what: string, headers: Sent]>([
      [true, 'another site', { origin: 'https://spa.example', 'sec-fetch-site': 'cross-site' }],
      [true, 'another site, of a browser without Sec-Fetch-Site', { origin: 'https://spa.example' }],
      [true, 'another port', { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' }],
      [true, 'Capacitor', { origin: 'capacitor://localhost', 'sec-fetch-site': 'cross-site' }],
      [true, 'our own', { origin: 'OURS', 'sec-fetch-site': 'same-origin' }],
      [true, 'no page', {}],
      [false, 'another scheme', { origin: 'http://spa.example', 'sec-fetch-site': 'cross-site' }],
      [false, 'a subdomain', { origin: 'https://www.spa.example', 'sec-fetch-site': 'cross-site' }],
      [false, 'a longer name', { origin: 'https://spa.example.evil.example' }],
      [false, 'a longer port', { origin: 'http://localhost:51730', 'sec-fetch-site': 'same-site' }],
      [false, 'another app', { origin: 'ionic://localhost', 'sec-fetch-site': 'cross-site' }],
      [false, 'a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
      [false, 'a page that is not named', { 'sec-fetch-site': 'cross-site' }],
      [false, 'two', { origin: 'https://spa.example, https://evil.example' }],
    ])('%s: %s, for requests, a login and handshakes alike', async (isAllowed, _what, sent) => {
      const headers = { ...sent, ...(sent['origin'] && { origin: sent['origin'].replace('OURS', url) }) };
      const refused = { status: 403, body: { code: 'cross_origin' } };
      expect(await post(headers)).toMatchObject(isAllowed ? { status: 201 } : refused);
      const login = await running.http
        .post('/auth/login')
        .set(headers)
        .send({ userId: 'bob', assertFirst: true });
      expect(login).toMatchObject(isAllowed ? { status: 201 } : refused);
      const handshake = await running.http.get('/handshake').set({ cookie, ...headers });
      expect(handshake).toMatchObject(isAllowed ? { status: 200 } : refused);
      const opened = await knock(headers);
      if (isAllowed) expect(opened).toBe('open');
      else expect(opened).toContain('cross_origin');
    });

    it('tells developers which option they look for', async () => {
      const { body } = await post({ origin: 'https://app.example' });
      expect(body.detail).toContain(
        `'https://app.example' is not in the option allowedOrigins (our own is '${url}')`,
      );
      expect(await knock({ origin: 'https://app.example' })).toContain('allowedOrigins');
    });
  });

  it('without it, none is let in', async () => {
    await start({});
    for (const origin of ['https://spa.example', 'http://localhost:5173', 'capacitor://localhost'])
      expect((await post({ origin })).body.code).toBe('cross_origin');
  });

  it("believes a trusted proxy's word about our own origin, and nobody else's", async () => {
    const sent = {
      origin: 'https://app.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'app.example',
      forwarded: 'proto=https;host=app.example',
    };
    for (const [session, status] of [
      [{}, 403],
      [{ trustProxy: ['192.0.2.0/24'] }, 403],
      [{ trustProxy: ['127.0.0.0/8'] }, 201],
      [{ trustProxy: 1 }, 201],
      [{ trustProxy: 1, publicOrigin: 'https://other.example' }, 403],
      [{ trustProxy: 1, forwardedHeader: 'forwarded' }, 201],
    ] as const) {
      await start(session);
      expect({ session, status: (await post(sent)).status }).toEqual({ session, status });
      expect(await knock(sent)).toEqual(status === 201 ? 'open' : expect.stringContaining('cross_origin'));
      await stopApps();
    }
  });

  it('hands out partitioned cookies for pages of other sites, and takes them back as such', async () => {
    await start({ allowedOrigins, cookie: { sameSite: 'none' }, refresh: true });
    const headers = { origin: 'https://spa.example', 'sec-fetch-site': 'cross-site' };
    const login = await running.http.post('/auth/login').set(headers).send({ userId: 'bob' });
    const cookies = (reply: { headers: Record<string, unknown> }) =>
      (reply.headers['set-cookie'] as string[]).filter((line) => /^__(Host|Secure)-/.test(line));
    expect(cookies(login)).toHaveLength(2);
    for (const line of cookies(login)) expect(line).toContain('; Secure; SameSite=None; Partitioned;');
    const logout = await post(headers, '/auth/logout');
    for (const line of cookies(logout)) expect(line).toMatch(/SameSite=None; Partitioned; Max-Age=0$/);
  });

  it('says at boot where CORS disagrees, however it was enabled', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const linesOf = async (cors: object | undefined, enable?: (app: INestApplication) => void) => {
      @Module({ imports: [SessionModule.forRoot({ allowedOrigins, allowMemoryInProduction: true })] })
      class App {}
      warn.mockClear();
      const app = await NestFactory.create(App, platform.adapter(), { logger: false, ...(cors && { cors }) });
      enable?.(app);
      await app.init();
      await app.close();
      return warn.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('CORS'));
    };
    try {
      const right = { origin: ['https://spa.example', 'http://localhost:5173', 'capacitor://localhost'] };
      expect(await linesOf(undefined)).toEqual([]);
      expect(await linesOf({ ...right, credentials: true })).toEqual([]);
      expect(await linesOf(undefined, (app) => app.enableCors({ ...right, credentials: true }))).toEqual([]);
      expect(await linesOf(right)).toHaveLength(3);
      const other = { origin: 'https://other.example', credentials: true };
      expect(await linesOf(undefined, (app) => app.enableCors(other))).toHaveLength(4);
    } finally {
      warn.mockRestore();
    }
  });
});

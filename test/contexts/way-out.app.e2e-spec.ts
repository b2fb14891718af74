import { Body, Controller, Get, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { type HttpRequest, Public, SessionService, SessionTransport } from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

@Controller()
class Routes {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  @Get('guarded')
  guarded() {
    return {};
  }

  @Post('guarded')
  change() {
    return {};
  }

  @Public()
  @HttpCode(200)
  @Post('login')
  login() {
    return {};
  }

  @Public()
  @UseGuards(AuthGuard('latchkey'))
  @Get('passport')
  passport() {
    return {};
  }

  @Public()
  @HttpCode(200)
  @Post('auth/refresh')
  async refresh(@Req() request: HttpRequest, @Body('refreshToken') inBody?: string) {
    const { refreshToken } = this.transport.readRefreshToken(request, inBody);
    return { token: (await this.sessions.refresh(refreshToken)).token };
  }
}

const OURS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'same-origin', origin: 'https://elsewhere.example' },
];
const FOREIGN: readonly Readonly<Record<string, string>>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'none' },
  { origin: 'https://elsewhere.example' },
  { origin: 'null' },
];
const STALE = 'stale-cookie-of-last-year';

describe.each(PLATFORMS)('a bearer token beside a stale cookie of ours, on $name', (platform) => {
  let running: RunningApp;
  let authorization: string;
  const ask = (method: 'get' | 'post', path: string, headers: Readonly<Record<string, string>>) =>
    running.http[method](path).set({ authorization, cookie: `other=1; __Host-session=${STALE}`, ...headers });

  beforeAll(async () => {
    running = await startApp({
      platform,
      controllers: [Routes],
      session: { guard: 'global', refresh: { accessTokenTtl: '5m', cookiePath: '/auth/refresh' } },
      module: { imports: [SessionPassportModule] },
    });
    ({ authorization } = await loginAs(running.app, { userId: 'ada' }));
  });
  afterAll(stopApps);

  const routes = [
    ['get', '/guarded'],
    ['post', '/guarded'],
    ['post', '/login'],
    ['get', '/passport'],
  ] as const;

  it.each(routes.flatMap(([method, path]) => OURS.map((headers) => [method, path, headers] as const)))(
    'gets a way out of %s %s from a page of ours: %j',
    async (method, path, headers) => {
      const refused = await ask(method, path, headers);
      expect(refused.body).toMatchObject({ status: 400, code: 'ambiguous_credentials' });
      expect(refused.headers['set-cookie']).toEqual([
        '__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0',
      ]);
      expect(refused.headers['cache-control']).toBe('no-store');
      const next = await ask(method, path, { ...headers, cookie: 'other=1' });
      expect(next.status).toBeLessThan(300);
    },
  );

  it.each(routes.flatMap(([method, path]) => FOREIGN.map((headers) => [method, path, headers] as const)))(
    'loses nothing by %s %s from a foreign page: %j',
    async (method, path, headers) => {
      const refused = await ask(method, path, headers);
      expect(refused.status).toBe(400);
      expect(refused.headers).not.toHaveProperty('set-cookie');
    },
  );

  it('keeps a cookie that stands alone, or beside an authorization that is none of ours', async () => {
    const alone = await running.http.get('/guarded').set({ cookie: `__Host-session=${STALE}` });
    expect([alone.status, alone.headers['set-cookie']]).toEqual([401, undefined]);
    const basic = await ask('get', '/guarded', { authorization: 'Basic YTpi' });
    expect([basic.status, basic.headers['set-cookie']]).toEqual([401, undefined]);
  });

  it('gets a way out of a refresh, where both cookies may be in the way', async () => {
    const { refreshToken = '' } = await loginAs(running.app, { userId: 'ada' });
    const refresh = (headers: Readonly<Record<string, string>>) =>
      running.http.post('/auth/refresh').set(headers).send({ refreshToken });
    const cookie = `__Host-session=${STALE}; __Secure-refresh=${STALE}`;
    const foreign = await refresh({ cookie, 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBeGreaterThanOrEqual(400);
    expect(foreign.headers).not.toHaveProperty('set-cookie');
    const refused = await refresh({ cookie, 'sec-fetch-site': 'same-origin' });
    expect(refused.body).toMatchObject({ status: 400, code: 'ambiguous_credentials' });
    expect(refused.headers['set-cookie']).toEqual([
      '__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0',
      '__Secure-refresh=; Path=/auth/refresh; HttpOnly; Secure; SameSite=Strict; Max-Age=0',
    ]);
    const onlyRefresh = await refresh({ cookie: `__Secure-refresh=${STALE}` });
    expect(onlyRefresh.headers['set-cookie']).toHaveLength(1);
    expect((await refresh({})).status).toBe(200);
  });
});

import { Controller, Get, type Type } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import {
  AllowExpired,
  AllowGuests,
  Assurance,
  Fresh,
  OptionalSession,
  Permissions,
  PolicyManifest,
  Public,
  Roles,
  SessionConfigurationError,
  SessionEvents,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
  UserStateService,
} from '@latchkey/session';
import { Scopes } from '@latchkey/session/jwt';
import { SessionPassportModule } from '@latchkey/session/passport';
import { documentSessions } from '@latchkey/session/swagger';
import { loginAs } from '@latchkey/session/testing';
import { bootFailure, PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';
import { CLOSED, Shop, SHOP_OPTIONS } from './support/shop.js';

const DAY_MS = 24 * 3_600_000;

afterEach(stopApps);

function shop(platform = PLATFORMS[0]!, options: SessionModuleOptions = {}) {
  return startApp({
    platform,
    controllers: [Shop],
    session: { ...SHOP_OPTIONS, ...options },
    module: { imports: [SessionPassportModule] },
  });
}

/** Begins a guest, as a browser does. */
async function begin({ http }: RunningApp, data?: object) {
  const reply = await http.post('/guest').send({ data });
  const { token } = reply.body as { token: string };
  return { reply, token, headers: { authorization: `Bearer ${token}` } };
}

describe.each(PLATFORMS)('a guest on $name', (platform) => {
  it('comes in where guests are meant, and is no user there', async () => {
    const app = await shop(platform);
    const { reply, headers } = await begin(app, { cart: ['tea'] });
    expect(reply.body).toMatchObject({ isGuest: true });
    const { body } = await app.http.get('/cart').set(headers).expect(200);
    expect(body).toEqual({
      session: expect.any(String),
      isGuest: true,
      user: null,
      requestUser: null,
      authenticated: null,
      cart: ['tea'],
    });
    await app.http.post('/cart').set(headers).send({ item: 'milk' }).expect(201);
    const after = await app.http.get('/cart').set(headers).expect(200);
    expect(after.body).toMatchObject({ cart: ['tea', 'milk'] });
  });

  it('shares these handlers with users, and with nobody else', async () => {
    const app = await shop(platform);
    const { headers } = await loginAs(app.app, { userId: 'ada' });
    const { body } = await app.http.get('/cart').set(headers).expect(200);
    expect(body).toMatchObject({
      isGuest: false,
      user: 'ada',
      requestUser: 'ada',
      authenticated: 'ada',
      cart: [],
    });
    const denied = await app.http.get('/cart').expect(401);
    expect(denied.body).toMatchObject({ code: 'session_missing' });
  });

  it.each(CLOSED)('is nobody at /%s', async (path) => {
    const app = await shop(platform);
    const { headers } = await begin(app);
    const { body, headers: replied } = await app.http.get(`/${path}`).set(headers).expect(401);
    expect(body).toMatchObject({ code: 'session_missing' });
    expect(replied['www-authenticate']).toBe('Bearer realm="session"');
  });

  it('is nobody to an optional handler', async () => {
    const app = await shop(platform);
    const { headers } = await begin(app);
    const { body } = await app.http.get('/feed').set(headers).expect(200);
    expect(body).toEqual({
      session: null,
      isGuest: false,
      user: null,
      requestUser: null,
      authenticated: null,
    });
  });

  it('is counted by session and by user, and held to lists of addresses', async () => {
    const app = await shop(platform);
    const [one, other] = [await begin(app), await begin(app)];
    for (const path of ['/twice', '/twice-a-user']) {
      for (const status of [200, 200, 429]) await app.http.get(path).set(one.headers).expect(status);
      await app.http.get(path).set(other.headers).expect(200);
    }
    const denied = await app.http.get('/from-elsewhere').set(one.headers).expect(403);
    expect(denied.body).toMatchObject({ code: 'ip_not_allowed' });
  });

  it('has a cookie for as long as its session may live, which a login replaces', async () => {
    const app = await shop(platform);
    const { reply } = await begin(app, { cart: ['tea'] });
    const [cookie = ''] = reply.headers['set-cookie'] as unknown as string[];
    expect(cookie).toContain(`Max-Age=${(7 * DAY_MS) / 1_000}`);
    expect(cookie).toMatch(/^__Host-session=lkg_/);
    const [pair = ''] = cookie.split(';');
    const login = await app.http.post('/login').set('cookie', pair).send({}).expect(201);
    const [next = ''] = login.headers['set-cookie'] as unknown as string[];
    expect(next).toMatch(/^__Host-session=lk_/);
    const cart = await app.http.get('/cart').set('cookie', next.split(';')[0]!).expect(200);
    expect(cart.body).toMatchObject({ user: 'ada', isGuest: false, cart: ['tea'] });
    const dead = await app.http.get('/cart').set('cookie', pair).expect(401);
    expect(dead.body).toMatchObject({ code: 'session_revoked' });
  });

  it('may log out', async () => {
    const app = await shop(platform);
    const { headers } = await begin(app);
    const { body } = await app.http.post('/logout').set(headers).expect(201);
    expect(body).toEqual({ ended: true });
    await app.http.get('/cart').set(headers).expect(401);
  });

  it('times out by its own lifetime, and a request that only polls does not keep it', async () => {
    const app = await shop(platform, {
      guests: { lifetime: { inactivityTimeout: '1h', absoluteTimeout: '2h' } },
    });
    const [busy, polling] = [await begin(app), await begin(app)];
    app.clock.advance('40m');
    await app.http.get('/cart').set(busy.headers).expect(200);
    await app.http.get('/poll').set(polling.headers).expect(200);
    app.clock.advance('40m');
    await app.http.get('/cart').set(busy.headers).expect(200);
    const timedOut = await app.http.get('/cart').set(polling.headers).expect(401);
    expect(timedOut.body).toMatchObject({ code: 'session_expired' });
    app.clock.advance('41m');
    const gone = await app.http.get('/cart').set(busy.headers).expect(401);
    expect(gone.body).toMatchObject({ code: 'session_invalid' });
  });

  it('is refused over the quota of its client IP', async () => {
    const app = await shop(platform, { guests: { perIp: { quota: 2, window: '1h' } } });
    for (const status of [201, 201, 429]) await app.http.post('/guest').send({}).expect(status);
    const { body } = await app.http.post('/guest').send({}).expect(429);
    expect(body).toMatchObject({ code: 'rate_limited' });
    app.clock.advance('31m');
    await app.http.post('/guest').send({}).expect(201);
  });

  it('ends its streams when it logs in', async () => {
    const app = await shop(platform);
    const { token, headers } = await begin(app);
    const stream = await fetch(`${await app.app.getUrl()}/stream`, { headers });
    expect(stream.status).toBe(200);
    await app.app.get(SessionService).create('ada', { from: token });
    const text = await stream.text();
    expect(text).toContain('event: session-ended');
    expect(text).toContain('session_revoked');
  });
});

describe('where a guest is nobody', () => {
  it('the repository is not asked, and no quota used', async () => {
    const app = await shop();
    const { headers } = await begin(app);
    app.calls.length = 0;
    const closed = CLOSED.filter((path) => path !== 'passport'); // there, our guard lets it in first
    for (const path of closed) await app.http.get(`/${path}`).set(headers).expect(401);
    expect(app.calls).toEqual([]);
  });

  it('a guest goes on unchanged, however often it asks', async () => {
    const app = await shop(PLATFORMS[0], {
      guests: { lifetime: { inactivityTimeout: '1h', absoluteTimeout: '5h' } },
    });
    const { headers } = await begin(app);
    app.clock.advance('59m');
    await app.http.get('/plain').set(headers).expect(401);
    await app.http.get('/feed').set(headers).expect(200);
    app.clock.advance('2m');
    await app.http.get('/cart').set(headers).expect(401);
  });

  it('no service acts upon one, but for the end of its session', async () => {
    const { app } = await shop();
    const [sessions, users] = [app.get(SessionService), app.get(UserStateService)];
    const { session, token } = await sessions.createGuest();
    const { userId } = session;
    const acts: Record<string, () => Promise<unknown>> = {
      create: () => sessions.create(userId),
      list: () => sessions.list(userId),
      sweep: () => sessions.sweep(userId),
      revokeAll: () => sessions.revokeAll(userId),
      get: () => users.get(userId),
      ensure: () => users.ensure(userId, { roles: ['admin'] }),
      block: () => users.block(userId, { reason: 'spam' }),
      setRoles: () => users.setRoles(userId, ['admin']),
      grant: () => users.grant(userId, 'admin'),
      setIpAllowlist: () => users.setIpAllowlist(userId, []),
      update: () => users.update(userId, { roles: ['admin'], block: null }),
      erase: () => users.erase(userId),
    };
    for (const act of Object.values(acts))
      await expect(act()).rejects.toMatchObject({
        code: 'bad_request',
        message: expect.stringContaining('guests'),
      });
    await expect(sessions.replaceToken(session)).rejects.toThrow(TypeError);
    await expect(sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_missing' });
    expect(await sessions.revoke(userId, session.id)).toBe(true);
  });

  it('no listener hears of one', async () => {
    const { app } = await shop();
    const heard: string[] = [];
    await app
      .get(SessionEvents)
      .forwardTo({ emit: (name, event) => heard.push(`${name} ${'userId' in event && event.userId}`) });
    const sessions = app.get(SessionService);
    const { token } = await sessions.createGuest();
    await sessions.create('ada', { from: token });
    expect(heard).toEqual(['session.created ada']);
  });
});

describe('a guest of an app with', () => {
  it('JWTs and refresh tokens has an opaque token, and none to refresh it', async () => {
    const app = await shop(PLATFORMS[0], {
      accessToken: 'jwt',
      refresh: true,
      jwt: {
        algorithm: 'HS256',
        issuer: 'shop',
        audience: 'shop',
        keys: [{ kid: 'one', secret: Buffer.alloc(32, 7) }],
      },
    });
    const sessions = app.app.get(SessionService);
    const guest = await sessions.createGuest({ data: { cart: ['tea'] } });
    expect(guest).not.toHaveProperty('refreshToken');
    expect(guest.token).toMatch(/^lkg_/);
    const headers = { authorization: `Bearer ${guest.token}` };
    await app.http.get('/cart').set(headers).expect(200);
    await app.http.get('/plain').set(headers).expect(401);
    const issued = await sessions.create('ada', { from: guest.token });
    expect(issued.refreshToken).toMatch(/^lkr_/);
    expect(await sessions.data(issued.session).get()).toEqual({ cart: ['tea'] });
  });

  it('a user directory is not looked for there', async () => {
    const asked: string[] = [];
    const app = await shop(PLATFORMS[0], {
      userDirectory: {
        load: async (userId) => {
          asked.push(userId);
          return { roles: [] };
        },
      },
      maxStateAge: '1m',
    });
    const { token, headers } = await begin(app, { cart: ['tea'] });
    app.clock.advance('2m');
    await app.http.get('/cart').set(headers).expect(200);
    expect(asked).toEqual([]);
    const sessions = app.app.get(SessionService);
    const { session } = await sessions.create('ada', { from: token });
    expect(asked).toEqual(['ada']);
    expect(await sessions.data(session).get()).toEqual({ cart: ['tea'] });
  });

  it('default rate limits is held to those as well', async () => {
    const app = await shop(PLATFORMS[0], {
      rateLimits: { all: { quota: 1, window: '1h', by: 'user' } },
      defaultRateLimits: ['all'],
    });
    const { headers } = await begin(app);
    await app.http.get('/cart').set(headers).expect(200);
    await app.http.get('/cart').set(headers).expect(429);
  });
});

describe('requirements by hand', () => {
  it.each([
    ['role groups', { roleGroups: [['admin']] }],
    ['freshness', { roleGroups: [], maxAuthenticationAgeMs: 60_000 }],
    ['assurance', { roleGroups: [], assurance: 'aal1' }],
  ] as const)('let no guest in beside %s', async (_, requirements) => {
    const { app } = await shop();
    const sessions = app.get(SessionService);
    const { token } = await sessions.createGuest();
    const decision = await sessions.decide(token, { ...requirements, allowGuests: true });
    expect(decision).toMatchObject({ permit: false, reason: 'session_missing' });
    const { session } = await sessions.authenticate(token, { roleGroups: [], allowGuests: true });
    expect(session.isGuest).toBe(true);
  });
});

type Decorator = MethodDecorator & ClassDecorator;

function area(onClass: readonly Decorator[], onHandler: readonly Decorator[]): Type {
  class Area {
    read() {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Area.prototype, 'read')!;
  for (const one of [Get(), ...onHandler]) one(Area.prototype, 'read', descriptor);
  for (const one of onClass) one(Area);
  Controller('area')(Area);
  return Area;
}

function boot(controller: Type, options: SessionModuleOptions = SHOP_OPTIONS) {
  return bootFailure(
    Test.createTestingModule({
      imports: [SessionModule.forRoot({ allowMemoryInProduction: true, ...options })],
      controllers: [controller],
    }),
  );
}

describe('@AllowGuests()', () => {
  it.each<[string, Decorator]>([
    ['@Public()', Public()],
    ['@OptionalSession()', OptionalSession()],
    ['@Roles()', Roles('admin')],
    ['@Permissions()', Permissions('shop:close')],
    ['@Fresh()', Fresh('1m')],
    ['@Assurance()', Assurance('aal1')],
    ['@AllowExpired()', AllowExpired()],
    ['@Scopes()', Scopes('orders:read')],
  ])('stops the app beside %s', async (_, other) => {
    const together = [AllowGuests(), other];
    for (const controller of [area([], together), area(together, [])]) {
      const error = await boot(controller);
      expect(error).toBeInstanceOf(SessionConfigurationError);
      expect((error as Error).message).toContain('@AllowGuests()');
    }
  });

  it.each<[string, Decorator]>([
    ['@Public()', Public()],
    ['@OptionalSession()', OptionalSession()],
    ['@Roles()', Roles('admin')],
    ['@Fresh()', Fresh('1m')],
  ])(
    'on a handler overrides %s of its class, and on a class yields to that of a handler',
    async (name, other) => {
      const app = await startApp({
        controllers: [area([other], [AllowGuests()])],
        session: SHOP_OPTIONS,
      });
      expect(app.app.get(PolicyManifest).list()).toMatchObject([{ access: 'guarded', guests: true }]);
      const { token } = await app.app.get(SessionService).createGuest();
      await app.http
        .get('/area')
        .set({ authorization: `Bearer ${token}` })
        .expect(200);
      await app.http.get('/area').expect(401);

      const turned = await startApp({
        controllers: [area([AllowGuests()], [other])],
        session: SHOP_OPTIONS,
      });
      const [entry] = turned.app.get(PolicyManifest).list();
      expect(entry).not.toHaveProperty('guests');
      const { token: again } = await turned.app.get(SessionService).createGuest();
      const isOpen = name === '@Public()' || name === '@OptionalSession()';
      await turned.http
        .get('/area')
        .set({ authorization: `Bearer ${again}` })
        .expect(isOpen ? 200 : 401);
    },
  );

  it('stops the app where there are no guests, or no guard', async () => {
    const off = await boot(area([], [AllowGuests()]), { guard: 'global' });
    expect(String(off)).toContain('set the option guests');
    const unguarded = await boot(area([AllowGuests()], []), { guests: true });
    expect(unguarded).toBeInstanceOf(SessionConfigurationError);
    expect(await boot(area([], [AllowGuests()]))).toBeUndefined();
  });

  it('is documented as any guarded handler is', async () => {
    const { app } = await shop();
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const { paths } = documentSessions(app, document);
    const [cart, plain] = [paths['/cart']?.get, paths['/plain']?.get];
    expect(cart?.security).toEqual(plain?.security);
    expect(Object.keys(cart?.responses ?? {})).toEqual(Object.keys(plain?.responses ?? {}));
    expect(cart?.security).toHaveLength(2);
  });

  it('is in the manifest', async () => {
    const { app } = await shop();
    const entries = app.get(PolicyManifest).list();
    expect(entries.find(({ path }) => path === '/cart')).toMatchObject({ access: 'guarded', guests: true });
    expect(entries.find(({ path }) => path === '/plain')).not.toHaveProperty('guests');
  });
});

it('there are no guests unless the option says so', async () => {
  @Controller()
  class Nothing {}
  const { app } = await startApp({ controllers: [Nothing] });
  await expect(app.get(SessionService).createGuest()).rejects.toBeInstanceOf(SessionConfigurationError);
});

import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import type { KeyObject } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  PolicyManifest,
  Public,
  RateLimit,
  Roles,
  SessionConfigurationError,
  SessionGuard,
  type UserState,
} from '@latchkey/session';
import {
  CurrentService,
  Scopes,
  ServiceTokenGuard,
  ServiceTokens,
  ServiceTokensModule,
  type NewServiceToken,
  type ServiceCall,
  type ServiceTokensOptions,
} from '@latchkey/session/jwt';
import { FakeClock, loginAs, SessionTestingModule } from '@latchkey/session/testing';
import request from 'supertest';
import { bootFailure, PLATFORMS, startApp, stopApps } from '../support/library-app.js';
import { forgeries } from '../jwt/support/forgeries.js';
import { ALGORITHMS, compact, contentOf, newKey, ringKey } from '../jwt/support/keys.js';

const ORDERS = 'https://orders.internal';
const BILLING = 'https://billing.internal';
const SHIPPING = 'https://shipping.internal';

const key = newKey('EdDSA');
const shippingKey = newKey('ES256');

const publicJwk = async (options: ServiceTokensOptions) => (await ServiceTokens.open(options)).jwks();

function signing(
  service: string,
  signer: KeyObject,
  algorithm: (typeof ALGORITHMS)[number],
): ServiceTokensOptions {
  return { service, signing: { algorithm, keys: [ringKey('a', signer)] } };
}

/** Orders takes tokens of billing's and shipping's. */
async function atOrders(clock?: FakeClock): Promise<ServiceTokensOptions> {
  return {
    service: ORDERS,
    trust: [
      { service: BILLING, algorithm: 'EdDSA', keys: await publicJwk(signing(BILLING, key, 'EdDSA')) },
      {
        service: SHIPPING,
        algorithm: 'ES256',
        keys: () => publicJwk(signing(SHIPPING, shippingKey, 'ES256')),
      },
    ],
    ...(clock ? { clock } : {}),
  };
}

const invalid = { code: 'service_token_invalid' };

describe('a service token', () => {
  const clock = new FakeClock();
  let billing: ServiceTokens;
  let orders: ServiceTokens;
  beforeAll(async () => {
    billing = await ServiceTokens.open({ ...signing(BILLING, key, 'EdDSA'), clock });
    orders = await ServiceTokens.open(await atOrders(clock));
  });

  it('says who calls whom, for what, on whose behalf, and lives a minute', async () => {
    const token = await billing.sign({ to: ORDERS, scopes: ['orders:read', 'orders:write'], subject: 'ada' });
    const call = await orders.verify(token);
    expect(call).toEqual({
      issuer: BILLING,
      subject: 'ada',
      scopes: ['orders:read', 'orders:write'],
      id: expect.stringMatching(/^[\w-]{22}$/),
      expiresAt: clock.now() + 60_000,
    });
    expect(contentOf(token).header).toEqual({ alg: 'EdDSA', typ: 'service+jwt', kid: 'a' });
    const other = await orders.verify(await billing.sign({ to: ORDERS, scopes: [] }));
    expect(other).toMatchObject({ subject: BILLING, scopes: [] });
    expect(other.id).not.toBe(call.id);
    clock.advance(64_999);
    expect(await orders.verify(token)).toEqual(call);
    clock.advance(1);
    await expect(orders.verify(token)).rejects.toMatchObject(invalid);
  });

  it('is good for the service that it names, and from those that are trusted only', async () => {
    const toShipping = await billing.sign({ to: SHIPPING, scopes: ['orders:read'] });
    await expect(orders.verify(toShipping)).rejects.toMatchObject(invalid);
    await expect(billing.verify(await billing.sign({ to: BILLING, scopes: [] }))).rejects.toMatchObject(
      invalid,
    );
    const stranger = await ServiceTokens.open({ ...signing('https://evil.example', key, 'EdDSA'), clock });
    await expect(orders.verify(await stranger.sign({ to: ORDERS, scopes: [] }))).rejects.toMatchObject(
      invalid,
    );
    // Shipping is trusted, as shipping.
    const { header, claims } = contentOf(await billing.sign({ to: ORDERS, scopes: [] }));
    const asBilling = { ...header, alg: 'ES256' };
    await expect(
      orders.verify(compact(asBilling, claims, { algorithm: 'ES256', key: shippingKey })),
    ).rejects.toMatchObject(invalid);
    const shipping = await ServiceTokens.open({ ...signing(SHIPPING, shippingKey, 'ES256'), clock });
    expect(await orders.verify(await shipping.sign({ to: ORDERS, scopes: [] }))).toMatchObject({
      issuer: SHIPPING,
    });
  });

  it.each(ALGORITHMS)(
    'by %s is refused when anything about it is forged',
    async (algorithm) => {
      const signer = newKey(algorithm);
      const ring = [
        ringKey('a', signer),
        ringKey('b', newKey(algorithm), { activeAt: Date.now() + 3_600_000 }),
      ];
      const both: ServiceTokensOptions = {
        service: ORDERS,
        signing: { algorithm, keys: ring },
        trust: [{ service: ORDERS, algorithm, keys: ring }],
      };
      const self = await ServiceTokens.open(both);
      const token = await self.sign({ to: ORDERS, scopes: ['a'] });
      expect(await self.verify(token)).toMatchObject({ scopes: ['a'] });
      // Made for access tokens, whose type, jti and sid are others.
      const table = new Map(
        [...forgeries({ algorithm, token, key: signer, otherKid: 'b' })].filter(
          ([what]) => !/\bsid\b|typ "service\+jwt"|jti with stray bits/.test(what),
        ),
      );
      const { header, claims } = contentOf(token);
      const put = (what: string, change: object, head: object = {}) =>
        table.set(
          what,
          compact({ ...header, ...head }, { ...claims, ...change }, { algorithm, key: signer }),
        );
      put('an access token', {}, { typ: 'at+jwt' });
      for (const scope of [undefined, ['a'], 1, ' a', 'a  b', 'a\tb', 'é', Array(21).fill('a').join(' ')])
        put(`scope ${JSON.stringify(scope)}`, { scope });
      put('an hour of life', { exp: Number(claims['iat']) + 3_600 });
      put('over', {
        iat: Number(claims['iat']) - 66,
        nbf: Number(claims['iat']) - 66,
        exp: Number(claims['iat']) - 6,
      });
      const accepted: string[] = [];
      for (const [what, forged] of table) {
        await self.verify(forged).then(
          () => accepted.push(what),
          (error: unknown) => expect(error).toMatchObject(invalid),
        );
      }
      expect(accepted).toEqual([]);
      expect(table.size).toBeGreaterThan(180);
    },
    60_000,
  );

  it.each<[string, Partial<NewServiceToken>]>([
    ['no audience', { to: '' }],
    ['a time of life over five minutes', { ttl: '6m' }],
    ['a time of life under a second', { ttl: 999 }],
    ['a scope with a blank', { scopes: ['a b'] }],
    ['too many scopes', { scopes: Array<string>(21).fill('a') }],
    ['an empty subject', { subject: '' }],
  ])('is not made with %s', async (_, wrong) => {
    await expect(billing.sign({ to: ORDERS, scopes: ['a'], ...wrong })).rejects.toThrow();
  });

  it('is not made by a service without keys', async () => {
    await expect(orders.sign({ to: BILLING, scopes: [] })).rejects.toThrow('signing');
    expect(await orders.jwks()).toEqual({ keys: [] });
  });

  it.each<[string, unknown]>([
    ['service', {}],
    ['service', { service: ['a'] }],
    ['signing.algorithm', { service: 'a', signing: { keys: [] } }],
    ['signing.keys', { service: 'a', signing: { algorithm: 'EdDSA', keys: [] } }],
    ['signing.key is an unknown option', { service: 'a', signing: { algorithm: 'EdDSA', key: [] } }],
    ['trust ', { service: 'a', trust: { service: 'b' } }],
    ['trust[0].service', { service: 'a', trust: [{ algorithm: 'EdDSA', keys: [] }] }],
    [
      'trust[1].service',
      { service: 'a', trust: [0, 1].map(() => ({ service: 'b', algorithm: 'EdDSA', keys: [] })) },
    ],
    [
      'trust[0].keys',
      { service: 'a', trust: [{ service: 'b', algorithm: 'EdDSA', keys: 'https://b/jwks' }] },
    ],
    ['jwksUri is an unknown option', { service: 'a', jwksUri: 'https://b/jwks' }],
    ['clockTolerance', { service: 'a', clockTolerance: '1h' }],
  ])('needs options that work: %s', async (named, options) => {
    const opening = ServiceTokens.open(options as ServiceTokensOptions);
    await expect(opening).rejects.toBeInstanceOf(SessionConfigurationError);
    await expect(opening).rejects.toThrow(`@latchkey/session: ${named}`);
  });
});

it.each([undefined, null, 'true', 0])('isGlobal is not %j', (isGlobal) => {
  expect(() => ServiceTokensModule.forRoot({ service: ORDERS, isGlobal } as never)).toThrow(
    SessionConfigurationError,
  );
});

@Controller()
class OrdersController {
  @UseGuards(ServiceTokenGuard)
  @Scopes('orders:read', 'orders:list')
  @Get('orders')
  list(@CurrentService() { issuer, subject }: ServiceCall, @CurrentUser() user?: UserState) {
    return { issuer, subject, user: user?.id ?? null };
  }

  @UseGuards(ServiceTokenGuard)
  @Scopes('orders:write')
  @RateLimit({ name: 'writes', quota: 2, window: '1m', by: 'ip' })
  @Post('orders')
  write() {
    return {};
  }

  @Get('me')
  me(@CurrentUser() { id }: UserState) {
    return { id };
  }

  @Public()
  @Get('open')
  open() {
    return {};
  }
}

@UseGuards(ServiceTokenGuard)
@Scopes('stock:read')
@Controller('stock')
class StockController {
  @Get()
  list() {
    return {};
  }

  @Scopes('stock:write')
  @Post()
  write() {
    return {};
  }

  @Public()
  @Get('open')
  open() {
    return {};
  }
}

afterEach(stopApps);

describe.each(PLATFORMS)('ServiceTokenGuard on $name', (platform) => {
  it('stands beside a global SessionGuard, each with its own kind of token', async () => {
    const jwt = { algorithm: 'EdDSA', issuer: BILLING, audience: ORDERS, keys: [ringKey('a', key)] } as const;
    const clock = new FakeClock();
    const { app, http, calls } = await startApp({
      platform,
      controllers: [OrdersController, StockController],
      // The same key, issuer and audience as billing's: then only the type tells them apart.
      session: { guard: 'global', strict: true, accessToken: 'jwt', jwt },
      module: { imports: [ServiceTokensModule.forRoot(await atOrders(clock))] },
    });
    const billing = await ServiceTokens.open({ ...signing(BILLING, key, 'EdDSA'), clock });
    const tokenFor = (...scopes: string[]) => billing.sign({ to: ORDERS, scopes, subject: 'ada' });
    const { token: session, cookie } = await loginAs(app, { userId: 'ada' });
    const reader = await tokenFor('orders:read', 'orders:list', 'other');

    const served = await http.get('/orders').auth(reader, { type: 'bearer' }).expect(200);
    expect(served.body).toEqual({ issuer: BILLING, subject: 'ada', user: null });
    await http.get('/me').auth(session, { type: 'bearer' }).expect(200);

    calls.length = 0;
    const missing = await http.get('/orders').expect(401);
    expect(missing.body.code).toBe('service_token_missing');
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="service"');
    expect(missing.headers['content-type']).toMatch(/^application\/problem\+json/);
    for (const wrong of [session, `${reader}x`, 'lk_nonsense', '']) {
      const refused = await http.get('/orders').set('Authorization', `Bearer ${wrong}`).expect(401);
      expect(refused.body.code).toBe('service_token_invalid');
      expect(refused.headers['www-authenticate']).toMatch(/^Bearer realm="service", error="invalid_token"/);
    }
    expect((await http.get('/orders').set('Cookie', cookie).expect(401)).body.code).toBe(
      'service_token_missing',
    );
    await http.get('/orders').set('Cookie', `__Host-session=${reader}`).expect(401);
    await http.get('/orders').set('Cookie', cookie).auth(reader, { type: 'bearer' }).expect(400);
    const asPerson = await http.get('/me').auth(reader, { type: 'bearer' }).expect(401);
    expect(asPerson.body.code).toBe('session_invalid');
    expect(calls).toEqual([]);

    const poor = await http
      .get('/orders')
      .auth(await tokenFor('orders:read'), { type: 'bearer' })
      .expect(403);
    expect(poor.body.code).toBe('forbidden');
    expect(poor.headers['www-authenticate']).toBe(
      'Bearer realm="service", error="insufficient_scope", scope="orders:read orders:list"',
    );
    await http
      .get('/stock')
      .auth(await tokenFor('stock:read'), { type: 'bearer' })
      .expect(200);
    await http
      .post('/stock')
      .auth(await tokenFor('stock:read'), { type: 'bearer' })
      .expect(403);
    await http
      .post('/stock')
      .auth(await tokenFor('stock:write'), { type: 'bearer' })
      .expect(201);
    for (const path of ['/open', '/stock/open']) await http.get(path).expect(200);

    const writer = await tokenFor('orders:write');
    for (const status of [201, 201, 429])
      await http.post('/orders').auth(writer, { type: 'bearer' }).expect(status);

    const entries = app.get(PolicyManifest).list().map(({ method, path, access, scopes, otherGuards }) => ({
      route: `${method} ${path}`, access, scopes, otherGuards,
    })); // prettier-ignore
    expect(entries).toContainEqual({
      route: 'GET /orders',
      access: 'service',
      scopes: ['orders:read', 'orders:list'],
    });
    expect(entries).toContainEqual({ route: 'POST /stock', access: 'service', scopes: ['stock:write'] });
    expect(entries).toContainEqual({ route: 'GET /stock/open', access: 'public' });
    expect(entries).toContainEqual({ route: 'GET /me', access: 'guarded' });
  });

  it('needs no SessionModule', async () => {
    const options = await atOrders();
    @Module({
      imports: [ServiceTokensModule.forRootAsync({ useFactory: () => options })],
      controllers: [StockController],
    })
    class App {}
    const app = await NestFactory.create(App, platform.adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    const http = request(await app.getUrl());
    const billing = await ServiceTokens.open(signing(BILLING, key, 'EdDSA'));
    const token = await billing.sign({ to: ORDERS, scopes: ['stock:read'] });
    await http.get('/stock').auth(token, { type: 'bearer' }).expect(200);
    const refused = await http.get('/stock').expect(401);
    await app.close();
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});

describe('an app does not start', () => {
  const scoped = Scopes('a');
  const guarded = UseGuards(ServiceTokenGuard);

  @Controller()
  class WithoutGuard {
    @scoped
    @Get()
    handler() {}
  }

  @Controller()
  class WithoutScopes {
    @guarded
    @Get()
    handler() {}
  }

  @guarded
  @Controller()
  class ForBoth {
    @scoped
    @Roles('admin')
    @Get()
    handler() {}
  }

  @scoped
  @guarded
  @Controller()
  class RolesInAClassOfScopes {
    @Roles('admin')
    @Get()
    handler() {}
  }

  @Controller()
  class BehindTheOtherGuard {
    @scoped
    @UseGuards(SessionGuard)
    @Get()
    handler() {}
  }

  it.each([
    ['with @Scopes() that no guard enforces', WithoutGuard],
    ['with ServiceTokenGuard and no scopes', WithoutScopes],
    ['with a handler for people and services', ForBoth],
    ['with a role in a class of scopes', RolesInAClassOfScopes],
    ['with @Scopes() behind SessionGuard', BehindTheOtherGuard],
  ])('%s', async (_, controller) => {
    const tokens = ServiceTokensModule.forRoot({ service: ORDERS });
    const alone = { imports: [tokens], controllers: [controller] };
    const beside = {
      imports: [tokens, SessionTestingModule.forRoot({ guard: 'global' })],
      controllers: [controller],
    };
    for (const metadata of [alone, beside]) {
      if (metadata === alone && [ForBoth, RolesInAClassOfScopes, BehindTheOtherGuard].includes(controller))
        continue; // without SessionModule, nothing of sessions is there to be checked
      const failure = await bootFailure(Test.createTestingModule(metadata));
      expect(failure).toBeInstanceOf(SessionConfigurationError);
      expect(String(failure)).toContain(`${controller.name}.handler`);
    }
  });

  it('nor does it with @Scopes() and SessionModule alone', async () => {
    const metadata = { imports: [SessionTestingModule.forRoot()], controllers: [WithoutGuard] };
    expect(String(await bootFailure(Test.createTestingModule(metadata)))).toContain('@Scopes()');
  });
});

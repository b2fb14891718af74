import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  AllowExpired,
  CurrentSession,
  OptionalSession,
  Public,
  Roles,
  SessionData,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  UserStateService,
  type Session,
} from '@latchkey/session';
import request from 'supertest';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

interface Cart {
  readonly items: string[];
  readonly note: string | null;
  readonly visits: number;
}

@Controller()
class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Get('cart')
  cart(@SessionData('cart') cart: Cart | undefined, @SessionData() all: object) {
    return { cart, keys: Object.keys(all) };
  }

  @Get('handle')
  async handle(@SessionData('visits') visits: number | undefined, @CurrentSession() session: Session) {
    const data = this.sessions.data<Cart>(session);
    const before = await data.get('visits');
    const after = await data.increment('visits');
    return { visits, before, after, again: await data.get('visits') };
  }

  @Get('optional')
  @OptionalSession()
  optional(@SessionData() data: object | undefined) {
    return { data };
  }

  @Get('public')
  @Public()
  public(@SessionData() data: object | undefined) {
    return { data };
  }

  @Get('staff')
  @Roles('staff')
  staff(@SessionData() data: object) {
    return { data };
  }

  @Get('expired')
  @AllowExpired()
  expired(@SessionData() data: object) {
    return { data };
  }
}

@Controller('special')
class SpecialController extends ShopController {
  @Get('cart')
  override cart(cart: Cart | undefined, all: object) {
    return super.cart(cart, all);
  }
}

@Controller('unguarded')
class UnguardedController {
  @Get()
  data(@SessionData() data: object) {
    return { data };
  }
}

describe.each(['memory', 'redis'] as const)('session data in %s', (storage) => {
  let server: RedisServer | undefined;
  let app: NestExpressApplication;
  let sessions: SessionService;
  let users: UserStateService;
  let userId = 0;

  beforeAll(async () => {
    server = storage === 'redis' ? await RedisServer.start() : undefined;
    const options: SessionModuleOptions = server
      ? { redis: server.url, commandTimeoutMs: PATIENT_MS }
      : { allowMemoryInProduction: true };
    const roleLifetimes = { brief: { inactivityTimeout: 1, absoluteTimeout: 1 } };
    @Module({
      imports: [SessionModule.forRoot({ ...options, sessionData: { maxBytes: 200 }, roleLifetimes })],
      controllers: [guarded(ShopController), guarded(SpecialController), UnguardedController],
    })
    class App {}
    app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    await app.init();
    sessions = app.get(SessionService);
    users = app.get(UserStateService);
  });
  afterAll(async () => {
    await app.close();
    await server?.stop();
  });

  const ask = (path: string, token?: string) => {
    const asked = request(app.getHttpServer()).get(path);
    return token === undefined ? asked : asked.auth(token, { type: 'bearer' });
  };
  const login = async (data?: object) => sessions.create(`user-${userId++}`, data ? { data } : {});

  describe('of a service', () => {
    it('is read, set, merged, deleted and counted', async () => {
      const { session } = await login();
      const data = sessions.data<Cart>(session);
      expect(await data.get()).toEqual({});
      expect(await data.read()).toEqual({ data: {}, version: 0 });
      const one = await data.set('items', ['apple']);
      expect(one).toEqual({ data: { items: ['apple'] }, version: expect.any(Number) });
      const two = await data.merge({ note: null, visits: 2 });
      expect(two.data).toEqual({ items: ['apple'], note: null, visits: 2 });
      expect(two.version).toBeGreaterThan(one.version);
      expect(await data.increment('visits')).toBe(3);
      expect(await data.increment('visits', -5)).toBe(-2);
      expect(await data.get('visits')).toBe(-2);
      expect((await data.delete('note')).data).toEqual({ items: ['apple'], visits: -2 });
      expect((await data.merge({ items: undefined })).data).toEqual({ visits: -2 });
      expect((await data.set('visits', undefined)).data).toEqual({});
      expect(await data.get('visits')).toBeUndefined();
      expect(await data.get()).toEqual({});
    });

    it('begins as it is given at login', async () => {
      const { session, token } = await login({ items: ['pear'] });
      expect(await sessions.data<Cart>(session).get('items')).toEqual(['pear']);
      const again = (await sessions.authenticate(token)).session;
      expect((await sessions.data(again).read()).data).toEqual({ items: ['pear'] });
      for (const data of [[], new Date(), { a: () => 1 }]) {
        await expect(login(data)).rejects.toMatchObject({ code: 'bad_request' });
      }
      await expect(login({ a: 'x'.repeat(200) })).rejects.toMatchObject({
        code: 'too_large',
        statusCode: 413,
      });
    });

    it('is the same for each who reads it, and nobody changes it by changing what was read', async () => {
      const { session } = await login({ items: ['pear'] });
      const data = sessions.data<Cart>(session);
      const state = await data.set('note', 'ripe');
      state.data.items?.push('stone');
      (await data.get('items'))?.push('stone');
      expect(await data.get()).toEqual({ items: ['pear'], note: 'ripe' });
      expect((await data.merge({})).data).toEqual({ items: ['pear'], note: 'ripe' });
    });

    it('refuses what is no data, and changes nothing', async () => {
      const { session } = await login({ visits: Number.MAX_SAFE_INTEGER, items: ['pear'] });
      const data = sessions.data<Record<string, unknown>>(session);
      const { version } = await data.read();
      const wrong = [
        () => data.set('a', () => 1),
        () => data.set('a', NaN),
        () => data.set('__proto__', { isAdmin: true }),
        () => data.set('a', JSON.parse('{"__proto__":{}}')),
        () => data.set(1 as never, 'x'),
        () => data.delete('__proto__'),
        () => data.merge(JSON.parse('{"__proto__":{"isAdmin":true}}') as never),
        () => data.merge([1] as never),
        () => data.merge('x' as never),
        () => data.merge(null as never),
        () => data.increment('items'),
        () => data.increment('visits'),
        () => data.increment('new', 0.5),
        () => data.increment('__proto__'),
      ];
      for (const change of wrong) await expect(change()).rejects.toMatchObject({ code: 'bad_request' });
      expect(await data.read()).toMatchObject({ version, data: { items: ['pear'] } });
      expect({}).not.toHaveProperty('isAdmin');
    });

    it('has a bound, counted in bytes of UTF-8', async () => {
      const { session } = await login();
      const data = sessions.data<{ a: string; b: string }>(session);
      const room = 200 - '{"a":""}'.length;
      await data.set('a', 'ü'.repeat(room / 2));
      await expect(data.set('a', 'ü'.repeat(room / 2) + 'x')).rejects.toMatchObject({ code: 'too_large' });
      await expect(data.set('b', '')).rejects.toMatchObject({ code: 'too_large' });
      expect(await data.get()).toEqual({ a: 'ü'.repeat(room / 2) });
      await data.set('a', '');
    });

    it('is changed only at the version that the caller expects, where one is', async () => {
      const { session, token } = await login({ visits: 1 });
      const tab = sessions.data<Cart>((await sessions.authenticate(token)).session);
      const data = sessions.data<Cart>(session);
      const { version } = await data.read();
      await tab.read();
      await data.set('note', 'first', { ifVersion: version });
      for (const handle of [tab, data]) {
        await expect(handle.set('note', 'second', { ifVersion: version })).rejects.toMatchObject({
          code: 'version_conflict',
          statusCode: 409,
        });
      }
      const now = await data.read();
      expect(now.data).toEqual({ visits: 1, note: 'first' });
      // What the tab has seen is older; what it expects is not.
      await tab.set('note', 'third', { ifVersion: now.version });
      const attempts = [4, 5, 6].map((visits) => data.set('visits', visits, { ifVersion: 0 }));
      for (const { status } of await Promise.allSettled(attempts)) expect(status).toBe('rejected');
    });

    it('lets one of several that expect the same version win', async () => {
      const { session } = await login();
      const data = sessions.data<Cart>(session);
      const tries = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => data.set('visits', i, { ifVersion: 0 })),
      );
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('loses nothing of parallel changes, and fails only those that cannot be made', async () => {
      const { session, token } = await login();
      const handles = await Promise.all(
        Array.from({ length: 10 }, async () =>
          sessions.data<Cart>((await sessions.authenticate(token)).session),
        ),
      );
      handles.push(sessions.data<Cart>(session));
      const changes = handles.flatMap((data) => [
        ...Array.from({ length: 10 }, () => data.increment('visits')),
        data.set('note', 'x'.repeat(300)), // too large
      ]);
      const outcomes = await Promise.allSettled(changes);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(11);
      expect((await handles[0]!.read()).data).toEqual({ visits: 110 });
      const sums = outcomes.flatMap((one) =>
        one.status === 'fulfilled' && typeof one.value === 'number' ? [one.value] : [],
      );
      expect(new Set(sums).size).toBe(110); // every caller was told another sum
    });

    it('cannot be had by a session from a list', async () => {
      const { session } = await login();
      const [listed] = await sessions.list(session.userId);
      expect(() => sessions.data(listed as Session)).toThrow('comes from a list');
    });

    it.each<[string, (session: Session) => Promise<unknown>]>([
      ['a logout', ({ userId, id }) => sessions.revoke(userId, id, 'logout')],
      ['a revocation', ({ userId }) => sessions.revokeAll(userId)],
      ['a block', ({ userId }) => users.block(userId, { reason: 'spam' })],
      ['a new token', (session) => sessions.replaceToken(session)],
      ['an erasure', ({ userId }) => users.erase(userId)],
    ])('cannot be had after %s', async (_name, end) => {
      const { session } = await login({ visits: 1 });
      const data = sessions.data<Cart>(session);
      await data.increment('visits');
      await end(session);
      for (const act of [() => data.read(), () => data.set('visits', 7), () => data.increment('visits')])
        await expect(act()).rejects.toMatchObject({ code: 'session_revoked' });
    });

    it('goes along with a new token', async () => {
      const { session } = await login({ visits: 1 });
      const replaced = await sessions.replaceToken(session, { revokeOthers: true });
      expect(await sessions.data<Cart>(replaced.session).increment('visits')).toBe(2);
    });
  });

  describe('@SessionData', () => {
    it('gives a handler all of it, or one key', async () => {
      const { token } = await login({ cart: { items: ['apple'] }, note: 1 });
      const { body } = await ask('/cart', token).expect(200);
      expect(body).toEqual({ cart: { items: ['apple'] }, keys: ['cart', 'note'] });
      expect((await ask('/cart', (await login()).token).expect(200)).body).toEqual({ keys: [] });
    });

    it('agrees with the handle, which sees its own changes', async () => {
      const { token } = await login({ visits: 4 });
      const { body } = await ask('/handle', token).expect(200);
      expect(body).toEqual({ visits: 4, before: 4, after: 5, again: 5 });
    });

    it('gives nothing where nobody is', async () => {
      const { token } = await login({ a: 1 });
      expect((await ask('/optional').expect(200)).body).toEqual({});
      expect((await ask('/optional', token).expect(200)).body).toEqual({ data: { a: 1 } });
      expect((await ask('/public', token).expect(200)).body).toEqual({});
      await ask('/cart').expect(401);
    });

    it('gives nothing to who may not enter', async () => {
      const { token, session } = await login({ a: 1 });
      await ask('/staff', token).expect(403);
      await users.setRoles(session.userId, ['staff']);
      expect((await ask('/staff', token).expect(200)).body).toEqual({ data: { a: 1 } });
    });

    it('gives none of a session that has timed out, where one is let in', async () => {
      const { token, session } = await login({ a: 1 });
      expect((await ask('/expired', token).expect(200)).body).toEqual({ data: { a: 1 } });
      await users.setRoles(session.userId, ['brief']);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await ask('/expired', token).expect(200)).body).toEqual({ data: {} });
      await ask('/cart', token).expect(401);
    });

    it('knows no prototype', async () => {
      const { token } = await login({ a: 1 });
      const { session } = await sessions.authenticate(token, { roleGroups: [], withData: true });
      expect(await sessions.data<Record<string, unknown>>(session).get('constructor')).toBeUndefined();
    });

    it('refuses to guess where no guard read the data', async () => {
      const { token } = await login({ a: 1 });
      await ask('/special/cart', token).expect(500);
      await ask('/unguarded', token).expect(500);
    });
  });
});

/** Each with a class of its own: the guard is declared on it. */
function guarded<T extends new (...args: never[]) => object>(controller: T): T {
  UseGuards(SessionGuard)(controller);
  return controller;
}

import type { INestApplication, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import {
  AllowGuests,
  Assurance,
  CurrentSession,
  CurrentUser,
  Fresh,
  IpAllowlist,
  OptionalSession,
  Passive,
  Permissions,
  Public,
  RateLimit,
  Roles,
  type Session,
  SessionData,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { FakeClock, loginAs } from '@latchkey/session/testing';
import { BUSY_MS } from '../../support/patience.js';
import { RedisServer } from '../../support/redis-server.js';

/** What became of a call: what its handler returned, or the code of what was refused. */
export type Outcome = { readonly value: unknown } | { readonly code: unknown };

/** A client, with or without a token. */
export interface Caller {
  call(handler: string): Promise<Outcome>;
  close(): void | Promise<void>;
}

/** One way into an app: how Nest is told of its handlers, and how a client that nobody here wrote calls them. */
export interface ContextKit {
  readonly name: string;
  readonly onMethod: (name: string) => MethodDecorator;
  readonly onClass: ClassDecorator;
  /** Whether Nest looks for its handlers among the controllers or the providers. */
  readonly among: 'controllers' | 'providers';
  readonly imports?: () => NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>;
  readonly adapter?: () => AbstractHttpAdapter;
  readonly options?: SessionModuleOptions;
  readonly prepare?: (app: INestApplication) => void | Promise<void>;
  readonly connect: (app: INestApplication, token: string | undefined) => Promise<Caller>;
  /** False where nobody can know the client's address: then handlers with lists or quotas by it do not boot. */
  readonly knowsClientIp?: boolean;
}

export const HANDLERS = [
  'plain',
  'admin',
  'remover',
  'fresh',
  'strong',
  'open',
  'maybe',
  'mine',
  'session',
  'cart',
  'passive',
  'basket',
] as const;
export const HANDLERS_BY_IP = ['byIp', 'home', 'away'] as const;

/** A class anew for each app: what is declared on a method stays there. */
function handlersOf({ onMethod, onClass, knowsClientIp = true }: ContextKit): Type {
  class Handlers {
    // A connection is for everybody, whose messages are looked at one by one.
    @OptionalSession()
    handleConnection(): void {}

    plain(@CurrentUser() user: UserState) {
      return user.id;
    }
    @Roles('admin')
    admin() {
      return 'ran';
    }
    @Permissions('post:delete')
    remover() {
      return 'ran';
    }
    @Fresh('10m')
    fresh() {
      return 'ran';
    }
    @Assurance('aal2')
    strong() {
      return 'ran';
    }
    @Public()
    open(@CurrentUser() user?: UserState) {
      return user?.id ?? 'nobody';
    }
    @OptionalSession()
    maybe(@CurrentUser() user?: UserState) {
      return user?.id ?? 'nobody';
    }
    @RateLimit({ name: 'mine', quota: 2, window: '1h', by: 'user' })
    mine() {
      return 'ran';
    }
    session(@CurrentSession() session: Session) {
      return session.id;
    }
    cart(@SessionData('cart') cart: readonly string[]) {
      return cart.join();
    }
    @Passive()
    passive(@CurrentUser() user: UserState) {
      return user.id;
    }
    @AllowGuests()
    basket(@CurrentSession() session: Session, @CurrentUser() user?: UserState) {
      return session.isGuest ? 'a guest' : user?.id;
    }
    byIp() {
      return 'ran';
    }
    home() {
      return 'ran';
    }
    away() {
      return 'ran';
    }
  }
  const prototype = Handlers.prototype as unknown as Record<string, object>;
  const add = (name: string, ...decorators: MethodDecorator[]): void => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    for (const decorator of decorators) decorator(prototype, name, descriptor);
  };
  for (const name of HANDLERS) add(name, onMethod(name));
  if (knowsClientIp) {
    add('byIp', onMethod('byIp'), RateLimit({ name: 'by-ip', quota: 2, window: '1h', by: 'ip' }));
    add('home', onMethod('home'), IpAllowlist(['127.0.0.0/8', '::1']));
    add('away', onMethod('away'), IpAllowlist(['192.0.2.0/24']));
  }
  onClass(Handlers);
  return Handlers;
}

export interface ContextNode {
  readonly app: INestApplication;
  readonly caller: (token?: string) => Promise<Caller>;
}

/** Starts an app with one handler for each decorator, behind a global guard. */
export async function startContext(kit: ContextKit, options: SessionModuleOptions): Promise<ContextNode> {
  const handlers = handlersOf(kit);
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        strict: true,
        guests: true,
        permissions: { moderator: ['post:delete'] },
        commandTimeoutMs: BUSY_MS,
        ...kit.options,
        ...options,
      }),
      ...(kit.imports?.() ?? []),
    ],
    [kit.among]: [handlers],
  }).compile();
  const app = testing.createNestApplication(kit.adapter?.() ?? new ExpressAdapter(), { logger: false });
  await kit.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return { app, caller: (token) => kit.connect(app, token) };
}

/** What every context has to do alike, in memory and on Redis with two nodes. */
export function describeContext(kit: ContextKit): void {
  describe.each(['memory', 'Redis, two nodes'] as const)(`${kit.name}, on %s`, (where) => {
    let redis: RedisServer | undefined;
    let here: ContextNode;
    /** Where acts are done: another node, if there is one. */
    let there: INestApplication;
    let users = 0;

    beforeAll(async () => {
      redis = where === 'memory' ? undefined : await RedisServer.start();
      const options = redis ? { redis: redis.url } : { allowMemoryInProduction: true };
      here = await startContext(kit, options);
      there = redis ? (await startContext(kit, options)).app : here.app;
    });
    afterAll(async () => {
      await here?.app.close();
      if (there !== here?.app) await there?.close();
      await redis?.stop();
    });

    const logIn = (options: Omit<Parameters<typeof loginAs>[1], 'userId'> = {}) =>
      loginAs(there, { userId: `user-${(users += 1)}`, ...options });
    const call = async (handler: string, token?: string): Promise<Outcome> => {
      const caller = await here.caller(token);
      try {
        return await caller.call(handler);
      } finally {
        await caller.close();
      }
    };

    it('lets in whom the decorators let in', async () => {
      const { token, user, session } = await logIn({
        roles: ['admin', 'moderator'],
        assurance: 'aal2',
        data: { cart: ['pear'] },
      });
      const expected: Record<string, unknown> = {
        ...Object.fromEntries(HANDLERS.map((name) => [name, 'ran'])),
        plain: user.id,
        passive: user.id,
        maybe: user.id,
        open: 'nobody',
        session: session.id,
        cart: 'pear',
        basket: user.id,
      };
      for (const name of HANDLERS)
        expect([name, await call(name, token)]).toEqual([name, { value: expected[name] }]);
    });

    it('refuses by role, permission and assurance, and nobody is anonymous by oversight', async () => {
      const { token } = await logIn();
      expect(await call('admin', token)).toEqual({ code: 'forbidden' });
      expect(await call('remover', token)).toEqual({ code: 'forbidden' });
      expect(await call('strong', token)).toEqual({ code: 'reauthentication_required' });
      for (const name of ['plain', 'admin', 'mine', 'session', 'cart', 'fresh'])
        expect([name, await call(name)]).toEqual([name, { code: 'session_missing' }]);
      expect(await call('open')).toEqual({ value: 'nobody' });
      expect(await call('maybe')).toEqual({ value: 'nobody' });
    });

    it('a guest is nobody but where guests are allowed', async () => {
      const { token } = await there.get(SessionService).createGuest();
      const all = ['basket', 'maybe', 'open', 'plain', 'admin', 'fresh', 'mine', 'session'] as const;
      const outcomes = await Promise.all(all.map(async (name) => [name, await call(name, token)] as const));
      expect(Object.fromEntries(outcomes)).toEqual({
        basket: { value: 'a guest' },
        maybe: { value: 'nobody' },
        open: { value: 'nobody' },
        ...Object.fromEntries(all.slice(3).map((name) => [name, { code: 'session_missing' }])),
      });
      expect(await call('basket')).toEqual({ code: 'session_missing' });
    });

    it('refuses a token that nobody has, and what is none', async () => {
      const { token } = await logIn();
      const forged = token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA');
      expect(await call('plain', forged)).toEqual({ code: 'session_invalid' });
      for (const name of ['plain', 'basket'])
        expect(await call(name, 'nonsense')).toEqual({ code: 'session_invalid' });
    });

    it('counts by user, each call once', async () => {
      const { token } = await logIn();
      const calls = [];
      for (let i = 0; i < 3; i++) calls.push(await call('mine', token));
      expect(calls).toEqual([{ value: 'ran' }, { value: 'ran' }, { code: 'rate_limited' }]);
    });

    const addressed = async (): Promise<void> => {
      const { token } = await logIn();
      expect(await call('home', token)).toEqual({ value: 'ran' });
      expect(await call('away', token)).toEqual({ code: 'ip_not_allowed' });
      const calls = [];
      for (let i = 0; i < 3; i++) calls.push(await call('byIp', token));
      expect(calls).toEqual([{ value: 'ran' }, { value: 'ran' }, { code: 'rate_limited' }]);
    };
    if (kit.knowsClientIp !== false) it('knows the client IP', addressed);

    it('a demotion holds for the next call, and so do a logout and a block', async () => {
      const { token, user, session } = await logIn({ roles: ['admin'] });
      const caller = await here.caller(token);
      try {
        expect(await caller.call('admin')).toEqual({ value: 'ran' });
        await there.get(UserStateService).setRoles(user.id, []);
        expect(await caller.call('admin')).toEqual({ code: 'forbidden' });
        expect(await caller.call('plain')).toEqual({ value: user.id });
        await there.get(SessionService).revoke(user.id, session.id);
        expect(await caller.call('plain')).toEqual({ code: 'session_revoked' });
      } finally {
        await caller.close();
      }
      const again = await loginAs(there, { userId: user.id });
      const blocked = await here.caller(again.token);
      try {
        await there.get(UserStateService).block(user.id, { reason: 'spam', by: 'mia' });
        expect(await blocked.call('plain')).toEqual({ code: 'user_blocked' });
      } finally {
        await blocked.close();
      }
      expect(await call('maybe', again.token)).toEqual({ code: 'user_blocked' });
    });

    if (where === 'memory') {
      it('goes by the time: freshness, activity, inactivity', async () => {
        const clock = new FakeClock();
        const node = await startContext(kit, { allowMemoryInProduction: true, clock });
        try {
          const { token, user } = await loginAs(node.app, { userId: 'ada' });
          const lastSeenAt = async () =>
            (await node.app.get(SessionService).list(user.id))[0]?.lastSeenAt as number;
          const caller = await node.caller(token);
          expect(await caller.call('fresh')).toEqual({ value: 'ran' });
          const before = await lastSeenAt();
          clock.advance('11m');
          expect(await caller.call('passive')).toEqual({ value: 'ada' });
          expect(await lastSeenAt()).toBe(before);
          expect(await caller.call('fresh')).toEqual({ code: 'reauthentication_required' });
          expect(await caller.call('plain')).toEqual({ value: 'ada' });
          expect(await lastSeenAt()).toBe(clock.now());
          clock.advance('2h');
          expect(await caller.call('plain')).toEqual({ code: 'session_expired' });
          await caller.close();
        } finally {
          await node.app.close();
        }
      });
    }

    if (where !== 'memory') {
      it('refuses everybody while the storage is away', async () => {
        const { token } = await logIn();
        const caller = await here.caller(token);
        redis?.freeze();
        try {
          const answers = await Promise.all([caller.call('plain'), caller.call('maybe')]);
          expect(answers).toEqual([1, 2].map(() => ({ code: 'session_store_unavailable' })));
        } finally {
          redis?.thaw();
          await caller.close();
        }
      });
    }
  });
}

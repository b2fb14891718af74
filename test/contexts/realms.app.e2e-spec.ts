import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  type Provider,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  EnforcesAccess,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import passport from 'passport';
import request from 'supertest';
import { bootFailure, stopApps } from '../support/library-app.js';

type Decoration = 'none' | 'roles' | 'optional' | 'public';
const DECORATIONS: readonly Decoration[] = ['none', 'roles', 'optional', 'public'];

function decoratorsOf(decoration: Decoration, role: string): MethodDecorator & ClassDecorator {
  if (decoration === 'roles') return Roles(role);
  if (decoration === 'optional') return OptionalSession();
  if (decoration === 'public') return Public();
  return () => undefined;
}

/** A controller that gives tokens of its realm away, and one handler for each decoration, on itself and by its class. */
function controllersOf(name: string, role: string, guards: readonly Type[]): Type[] {
  @Public()
  @Controller(name)
  class Door {
    constructor(
      @Inject(SessionService) private readonly sessions: SessionService,
      @Inject(UserStateService) private readonly users: UserStateService,
    ) {}

    @Get('token')
    async token() {
      await this.users.ensure(`${name}-1`, { roles: [role] });
      return { token: (await this.sessions.create(`${name}-1`)).token };
    }
  }

  const handlers = DECORATIONS.map((decoration) => {
    @UseGuards(...guards)
    @Controller(`${name}/handler`)
    class OnHandler {
      @decoratorsOf(decoration, role)
      @Get(decoration)
      get(@CurrentUser() user?: UserState) {
        return { user: user?.id ?? null };
      }
    }

    @UseGuards(...guards)
    @decoratorsOf(decoration, role)
    @Controller(`${name}/class`)
    class OnClass {
      @Get(decoration)
      get(@CurrentUser() user?: UserState) {
        return { user: user?.id ?? null };
      }
    }
    return [OnHandler, OnClass];
  });
  return [Door, ...handlers.flat()];
}

/** Where the guard of a realm stands. */
type Guarding = 'by option' | 'by APP_GUARD' | 'by APP_GUARD, for each request' | 'on controllers';

const providersFor: Readonly<Record<Guarding, Provider[]>> = {
  'by option': [],
  'by APP_GUARD': [{ provide: APP_GUARD, useClass: SessionGuard }],
  'by APP_GUARD, for each request': [{ provide: APP_GUARD, useClass: SessionGuard, scope: Scope.REQUEST }],
  'on controllers': [],
};

interface RealmSetup {
  readonly name: 'shop' | 'office';
  readonly isGlobal: boolean;
  readonly guarding: Guarding;
}

function realmModule({ name, isGlobal, guarding }: RealmSetup): Type {
  const controllers = controllersOf(
    name,
    name === 'shop' ? 'customer' : 'clerk',
    guarding === 'on controllers' ? [SessionGuard] : [],
  );
  @Module({
    imports: [
      SessionModule.forRoot({
        isGlobal,
        ...(guarding === 'by option' && { guard: 'global' }),
        cookie: { name: `__Host-${name}` },
      }),
    ],
    controllers,
    providers: providersFor[guarding],
  })
  class RealmModule {}
  return RealmModule;
}

const guardings = Object.keys(providersFor) as Guarding[];
const setups = guardings.flatMap((shop) =>
  guardings.flatMap((office) =>
    [true, false].flatMap((isOfficeFirst) =>
      (['shop', 'office', 'neither'] as const).map((globalOne) => ({
        shop,
        office,
        isOfficeFirst,
        globalOne,
      })),
    ),
  ),
);

const expectedFor = (decoration: Decoration, own: string) => ({
  own: decoration === 'public' ? { status: 200, user: null } : { status: 200, user: own },
  other:
    decoration === 'public' || decoration === 'optional'
      ? { status: 200, user: null }
      : { status: 401, user: undefined },
});

describe.each(setups)(
  'two SessionModules (guards: shop $shop, office $office; office first: $isOfficeFirst; isGlobal: $globalOne)',
  ({ shop, office, isOfficeFirst, globalOne }) => {
    let http: ReturnType<typeof request>;
    let close: () => Promise<void>;
    const tokens: Record<string, string> = {};

    beforeAll(async () => {
      const modules = [
        realmModule({ name: 'shop', isGlobal: globalOne === 'shop', guarding: shop }),
        realmModule({ name: 'office', isGlobal: globalOne === 'office', guarding: office }),
      ];
      const testing = await Test.createTestingModule({
        imports: isOfficeFirst ? modules.reverse() : modules,
      }).compile();
      const app = testing.createNestApplication({ logger: false });
      await app.listen(0, '127.0.0.1');
      close = () => app.close();
      http = request(await app.getUrl());
      for (const name of ['shop', 'office']) {
        tokens[name] = (await http.get(`/${name}/token`).expect(200)).body.token as string;
      }
    });
    afterAll(() => close());

    it.each(
      (['shop', 'office'] as const).flatMap((name) =>
        DECORATIONS.flatMap((decoration) =>
          (['handler', 'class'] as const).map((on) => [name, on, decoration] as const),
        ),
      ),
    )(
      'let into /%s/%s/%s whoever has a session of its own, and none of the other',
      async (name, on, decoration) => {
        const ask = async (headers: Record<string, string>) => {
          const { status, body } = await http.get(`/${name}/${on}/${decoration}`).set(headers);
          return { status, user: (body as { user?: string | null }).user };
        };
        const [own, other] = [tokens[name] ?? '', tokens[name === 'shop' ? 'office' : 'shop'] ?? ''];
        const expected = expectedFor(decoration, `${name}-1`);
        expect(await ask({ authorization: `Bearer ${own}` })).toEqual(expected.own);
        expect(await ask({ cookie: `__Host-${name}=${own}` })).toEqual(expected.own);
        expect(await ask({ authorization: `Bearer ${other}` })).toEqual(expected.other);
        expect(await ask({})).toEqual(expected.other);
        // A browser that is logged in at both.
        const both = `__Host-shop=${tokens['shop']}; __Host-office=${tokens['office']}`;
        expect(await ask({ cookie: both })).toEqual(expected.own);
      },
    );
  },
);

@Controller()
class Silent {
  @Get()
  get() {
    return {};
  }
}

@Controller()
class OpenToAll {
  @Public()
  @Get()
  get() {
    return {};
  }
}

@UseGuards(SessionGuard)
@Controller()
class Guarded {
  @Get()
  get() {
    return {};
  }
}

@UseGuards(SessionGuard)
@Controller()
class WithQuota {
  @RateLimit('posts')
  @Get()
  get() {
    return {};
  }
}

@UseGuards(AuthGuard('latchkey'))
@Controller()
class Passported {
  @Get()
  get() {
    return {};
  }
}

const realm = (options: Parameters<typeof SessionModule.forRoot>[0]) => SessionModule.forRoot(options);

function moduleOf(
  imports: (Type | DynamicModule)[],
  controllers: Type[] = [],
  reexported?: DynamicModule,
): Type {
  @Module({ imports, controllers, exports: reexported ? [reexported] : [] })
  class Made {}
  return Made;
}

describe('what cannot be told of two SessionModules stops the boot', () => {
  afterAll(stopApps);
  const boot = (imports: (Type | DynamicModule)[], controllers: Type[] = []) =>
    bootFailure(Test.createTestingModule({ imports, controllers }));

  it.each<[string, RegExp, () => Promise<unknown>]>([
    ['two that are global', /isGlobal is true for two/, () => boot([realm({}), realm({})])],
    [
      'one module that imports two',
      /Guarded\.get could belong to either/,
      () => boot([moduleOf([realm({ isGlobal: false }), realm({ isGlobal: false })], [Guarded])]),
    ],
    [
      'one module that imports two, one of them global',
      /Silent\.get could belong to either/,
      () => boot([moduleOf([realm({ guard: 'global' }), realm({ isGlobal: false })], [Silent])]),
    ],
    [
      'one module that gets the second from a module that re-exports it',
      /Guarded\.get could belong to either/,
      () => {
        const other = realm({ isGlobal: false });
        return boot([moduleOf([realm({ isGlobal: false }), moduleOf([other], [], other)], [Guarded])]);
      },
    ],
    [
      'a handler that sees neither of two global guards',
      /Silent\.get could belong to either/,
      () =>
        boot(
          [
            moduleOf([realm({ isGlobal: false, guard: 'global' })]),
            moduleOf([realm({ isGlobal: false, guard: 'global' })]),
          ],
          [Silent],
        ),
    ],
    [
      "a handler of one that only the other's global guard stands before",
      /Silent\.get belongs to the SessionModule that its module imports/,
      () => boot([realm({ guard: 'global' }), moduleOf([realm({ isGlobal: false })], [Silent])]),
    ],
    ...(['by APP_GUARD', 'by APP_GUARD, for each request'] as const).map(
      (guarding): [string, RegExp, () => Promise<unknown>] => [
        `a handler of one that only the other's guard stands before, ${guarding}`,
        /Silent\.get belongs to the SessionModule that its module imports/,
        () =>
          boot([
            realmModule({ name: 'shop', isGlobal: false, guarding }),
            moduleOf([realm({ isGlobal: false })], [Silent]),
          ]),
      ],
    ),
    ...Object.entries({
      "AuthGuard(['other', 'latchkey'])": AuthGuard(['other', 'latchkey']),
      'AuthGuard() of a default strategy': AuthGuard(),
      "a class that extends AuthGuard('latchkey')": class extends AuthGuard('latchkey') {},
    }).map(([name, guard]): [string, RegExp, () => Promise<unknown>] => {
      @UseGuards(guard)
      @Controller()
      class Behind {
        @Get()
        get() {
          return {};
        }
      }
      return [
        `${name} before a handler of another than its strategy's`,
        /Behind\.get is behind AuthGuard\('latchkey'\), which knows the sessions of another/,
        () => boot([realm({}), SessionPassportModule, moduleOf([realm({ isGlobal: false })], [Behind])]),
      ];
    }),
    [
      "AuthGuard('latchkey') before every handler",
      /Silent\.get is behind AuthGuard\('latchkey'\), which knows the sessions of another/,
      () => {
        @Module({ providers: [{ provide: APP_GUARD, useClass: AuthGuard('latchkey') }] })
        class Everywhere {}
        const other = moduleOf([realm({ isGlobal: false })], [Silent]);
        return boot([realm({}), SessionPassportModule, Everywhere, other]);
      },
    ],
    [
      "AuthGuard('latchkey') before a handler of another than its strategy's",
      /Passported\.get is behind AuthGuard\('latchkey'\), which knows the sessions of another/,
      () => boot([realm({}), SessionPassportModule, moduleOf([realm({ isGlobal: false })], [Passported])]),
    ],
  ])('%s', async (_, message, start) => {
    const error = await start();
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect((error as Error).message).toMatch(message);
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'a public handler in a module that imports two',
      () =>
        boot([
          moduleOf([realm({ isGlobal: false, guard: 'global' }), realm({ isGlobal: false })], [OpenToAll]),
        ]),
    ],
    [
      'a handler that sees no realm, beside one global guard',
      () =>
        boot(
          [
            moduleOf([realm({ isGlobal: false, guard: 'global' })]),
            moduleOf([realm({ isGlobal: false })], [Guarded]),
          ],
          [Silent],
        ),
    ],
    [
      'named quotas that only one of them has',
      () =>
        boot([
          moduleOf([realm({ isGlobal: false, guard: 'global' })], [Silent]),
          moduleOf(
            [realm({ isGlobal: false, rateLimits: { posts: { quota: 5, window: '1m', by: 'user' } } })],
            [WithQuota],
          ),
        ]),
    ],
    [
      "AuthGuard('latchkey') before a handler of its strategy's own",
      () => boot([realm({}), SessionPassportModule, moduleOf([realm({ isGlobal: false })])], [Passported]),
    ],
    [
      "another strategy's AuthGuard before a handler of another than ours",
      () => {
        passport.use('other', new (class extends passport.Strategy {})());
        @UseGuards(AuthGuard('other'))
        @Controller()
        class Other {
          @Get()
          get() {
            return {};
          }
        }
        return boot([realm({}), SessionPassportModule, moduleOf([realm({ isGlobal: false })], [Other])]);
      },
    ],
    ['one module imported twice', () => boot(((one) => [one, moduleOf([one], [Guarded])])(realm({})))],
  ])('%s is none of that', async (_, start) => {
    expect(await start()).toBeUndefined();
  });
});

describe('a guard of the app that calls the SessionGuard of one of two by hand, before every handler', () => {
  @Injectable()
  @EnforcesAccess()
  class ByHand implements CanActivate {
    constructor(@Inject(SessionGuard) private readonly guard: SessionGuard) {}

    async canActivate(context: ExecutionContext): Promise<boolean> {
      return await this.guard.canActivate(context);
    }
  }

  it("lets nobody in to the other's handlers, but to what is public", async () => {
    @Module({
      imports: [SessionModule.forRoot({ isGlobal: false })],
      controllers: controllersOf('shop', 'customer', []),
      providers: [{ provide: APP_GUARD, useClass: ByHand }],
    })
    class Shop {}
    const office = moduleOf([realm({ isGlobal: false })], controllersOf('office', 'customer', []));
    const testing = await Test.createTestingModule({ imports: [Shop, office] }).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const http = request(await app.getUrl());
    const { token } = (await http.get('/shop/token')).body as { token: string };
    const ask = async (path: string) => (await http.get(path).set('authorization', `Bearer ${token}`)).status;
    for (const decoration of DECORATIONS) {
      const statuses = [await ask(`/shop/handler/${decoration}`), await ask(`/office/handler/${decoration}`)];
      expect([decoration, ...statuses]).toEqual([decoration, 200, decoration === 'public' ? 200 : 403]);
    }
    await app.close();
  });
});

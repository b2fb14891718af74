import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  CurrentSession,
  CurrentUser,
  Public,
  Roles,
  type Session,
  SessionGuard,
  SessionModule,
  SessionService,
  type UserState,
} from '@latchkey/session';
import { expectDenied, guardAs, loginAs, SessionTestingModule } from '@latchkey/session/testing';
import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import request from 'supertest';

const running: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function appOf(builder: TestingModuleBuilder): Promise<INestApplication> {
  const app = (await builder.compile()).createNestApplication({ logger: false });
  running.push(app);
  return app.init();
}

class Seen {
  @Roles('admin')
  @Get()
  read(@CurrentUser() user?: UserState, @CurrentSession() session?: Session) {
    return { user: user?.id, roles: user?.roles, session: session?.id, device: session?.device.name };
  }
}

@UseGuards(SessionGuard)
@Controller('guarded')
class Guarded extends Seen {}

@Controller('plain')
class Plain extends Seen {}

const letsIn = { canActivate: () => true };
const onHandlers: ModuleMetadata = {
  imports: [SessionModule.forRoot({ strict: true })],
  controllers: [Guarded],
};
const byOption: ModuleMetadata = {
  imports: [SessionModule.forRoot({ strict: true, guard: 'global' })],
  controllers: [Guarded, Plain],
};
const byAppGuard = (provider: { useClass: Type } | { useExisting: Type }): ModuleMetadata => ({
  imports: [SessionModule.forRoot({ strict: true })],
  controllers: [Guarded, Plain],
  providers: [{ provide: APP_GUARD, ...provider }],
});

describe("Nest's overrides of SessionGuard", () => {
  const status = async (builder: TestingModuleBuilder, path: string) =>
    (await request((await appOf(builder)).getHttpServer()).get(path)).status;
  const testing = (metadata: ModuleMetadata) =>
    SessionTestingModule.replaceIn(Test.createTestingModule(metadata));

  it('overrideGuard() reaches @UseGuards(SessionGuard)', async () => {
    // What has no @CurrentUser() is let in; what asks for one is told that no guard ran.
    expect(await status(testing(onHandlers).overrideGuard(SessionGuard).useValue(letsIn), '/guarded')).toBe(
      500,
    );
    expect(
      await status(
        testing(onHandlers)
          .overrideGuard(SessionGuard)
          .useValue(guardAs({ user: { id: 'ada' } })),
        '/guarded',
      ),
    ).toBe(200);
  });

  it("overrideProvider() reaches guard: 'global'", async () => {
    const guard = guardAs({ user: { id: 'ada' } });
    expect(await status(testing(byOption).overrideProvider(SessionGuard).useValue(guard), '/plain')).toBe(
      200,
    );
    expect(await status(testing(byOption).overrideGuard(SessionGuard).useValue(guard), '/plain')).toBe(401);
  });

  it.each([
    ['on handlers', onHandlers, ['/guarded']],
    ['by option', byOption, ['/guarded', '/plain']],
    ['by APP_GUARD', byAppGuard({ useClass: SessionGuard }), ['/guarded', '/plain']],
    ['by APP_GUARD, existing', byAppGuard({ useExisting: SessionGuard }), ['/guarded', '/plain']],
  ] as const)('replaceGuard() reaches all of them: %s', async (_, metadata, paths) => {
    const guard = guardAs({
      user: { id: 'ada', roles: ['reader'] },
      session: { device: { name: 'phone', userAgent: '', ip: '' } },
    });
    const app = await appOf(SessionTestingModule.replaceGuard(testing(metadata), guard));
    for (const path of paths) {
      const { body } = await request(app.getHttpServer()).get(path).expect(200);
      expect(body).toEqual({ user: 'ada', roles: ['reader'], session: expect.any(String), device: 'phone' });
    }
  });

  it('guardAs() serves GraphQL, too', async () => {
    @Resolver()
    class Things {
      @Query(() => String)
      me(@CurrentUser() { id }: UserState) {
        return id;
      }
    }
    const imports = [
      SessionModule.forRoot({ strict: true, guard: 'global' }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ];
    const replaced = async (change: (builder: TestingModuleBuilder) => TestingModuleBuilder) => {
      const app = await appOf(change(testing({ imports, providers: [Things] })));
      return request(app.getHttpServer()).post('/graphql').send({ query: '{ me }' });
    };
    const guard = guardAs({ user: { id: 'ada' } });
    expect((await replaced((builder) => SessionTestingModule.replaceGuard(builder, guard))).body).toEqual({
      data: { me: 'ada' },
    });
    const denied = await replaced((builder) => builder);
    expect(await expectDenied(denied, 'session_missing')).toMatchObject({ status: 401 });
    await expect(expectDenied(denied, 'forbidden')).rejects.toThrow('Expected 403 forbidden');
  });

  it("guardAs() knows nobody's session: services refuse it", async () => {
    const app = await appOf(testing(onHandlers));
    await expect(app.get(SessionService).replaceToken({} as Session)).rejects.toThrow(TypeError);
  });
});

@Public()
@Controller('open')
class Open {
  @Get()
  read() {
    return {};
  }
}
@Controller('shop')
class Shop extends Seen {}
@Controller('office')
class Office extends Seen {}

@Module({
  imports: [SessionModule.forRoot({ isGlobal: false, guard: 'global', cookie: { name: '__Host-shop' } })],
  controllers: [Shop],
})
class ShopModule {}
@Module({
  imports: [
    SessionModule.forRoot({
      isGlobal: false,
      guard: 'global',
      cookie: { name: '__Host-office' },
      transports: ['cookie'],
    }),
  ],
  controllers: [Office],
})
class OfficeModule {}
@Module({ imports: [OfficeModule] })
class StaffModule {}

describe('loginAs with two SessionModules', () => {
  const options = { userId: 'ada', roles: ['admin'] };
  const start = () =>
    appOf(Test.createTestingModule({ imports: [ShopModule, StaffModule], controllers: [Open] }));

  it('logs in to the one that the selected module imports', async () => {
    const app = await start();
    const get = (path: string, headers: Readonly<Record<string, string>>) =>
      request(app.getHttpServer()).get(path).set(headers);
    const shop = await loginAs(app.select(ShopModule), options);
    const office = await loginAs(app.select(OfficeModule), options);
    expect(shop.cookie).toMatch(/^__Host-shop=/);
    expect(office.headers).toEqual({ cookie: expect.stringMatching(/^__Host-office=/) });
    await get('/shop', shop.headers).expect(200);
    await get('/office', office.headers).expect(200);
    await get('/office', { cookie: `__Host-office=${shop.token}` }).expect(401);
    await get('/shop', { authorization: office.authorization }).expect(401);
  });

  it('refuses to guess', async () => {
    const app = await start();
    for (const context of [app, app.select(StaffModule)])
      await expect(loginAs(context, options)).rejects.toThrow('2 SessionModules to choose from');
  });

  it('finds the only one wherever it is imported, also before init()', async () => {
    const testing = await Test.createTestingModule({ imports: [StaffModule] }).compile();
    running.push(testing);
    expect((await loginAs(testing, options)).cookie).toMatch(/^__Host-office=/);
  });
});

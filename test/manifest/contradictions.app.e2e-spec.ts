import {
  Controller,
  Get,
  Injectable,
  Module,
  UseGuards,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  IpAllowlist,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
} from '@latchkey/session';
import { GuardedClass, StricterGuard } from './support/handlers.js';

async function boot(metadata: ModuleMetadata, options: SessionModuleOptions = {}): Promise<unknown> {
  @Module({ ...metadata, imports: [SessionModule.forRoot({ allowMemoryInProduction: true, ...options })] })
  class App {}
  const app = await NestFactory.create(App, { logger: false, abortOnError: false });
  try {
    await app.init();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await app.close();
  }
}

type Decorator = MethodDecorator & ClassDecorator;

function area(onClass: Decorator[], onHandler: Decorator[]): Type {
  class Area {
    read() {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Area.prototype, 'read')!;
  for (const one of [Get(), ...onHandler]) one(Area.prototype, 'read', descriptor);
  for (const one of onClass) one(Area);
  Controller('area')(Area);
  return Area;
}

const guard = UseGuards(SessionGuard);
const visits = RateLimit({ name: 'visits', quota: 9, window: '1h', by: 'ip' });

describe('a SessionGuard on a handler that its class undoes', () => {
  it.each<[string, Decorator[], Decorator[], SessionModuleOptions?]>([
    ['@Public()', [Public()], [guard]],
    ['@Public()', [Public()], [UseGuards(StricterGuard)]],
    ['@Public()', [Public()], [guard], { guard: 'global' }],
    ['@Public()', [Public(), guard], [guard]],
    ['@Public()', [Public()], [guard, visits]],
    // Where another guard makes it optional, the handler's own can only mean more.
    ['@OptionalSession()', [OptionalSession(), guard], [guard]],
    ['@OptionalSession()', [OptionalSession()], [guard], { guard: 'global' }],
  ])('stops the app, naming %s and the way out', async (undoing, onClass, onHandler, ...[options]) => {
    expect(await boot({ controllers: [area(onClass, onHandler)] }, options)).toMatchObject({
      name: 'SessionConfigurationError',
      option: 'Area.read',
      message: expect.stringContaining(
        `has a SessionGuard of its own, which ${undoing} of its class undoes: write`,
      ),
    });
  });

  it.each<[string, Decorator[], Decorator[], SessionModuleOptions?]>([
    ['says so itself', [Public()], [Public(), guard]],
    ['demands something', [Public()], [guard, Roles('admin')]],
    ['has no guard of its own', [Public(), guard], [], { guard: 'global' }],
    ['needs the guard to be optional', [OptionalSession()], [guard]],
  ])('does not, where the handler %s', async (_, onClass, onHandler, ...[options]) => {
    expect(await boot({ controllers: [area(onClass, onHandler)] }, options)).toBeUndefined();
  });

  it('stops the app where a class is guarded that extends a public one', async () => {
    @Public()
    abstract class Welcome {
      @Get()
      read() {}
    }
    @UseGuards(SessionGuard)
    @Controller('inside')
    class Inside extends Welcome {}
    expect(await boot({ controllers: [Inside] })).toMatchObject({
      option: 'Inside',
      message: expect.stringContaining('@Public() of a class that it extends'),
    });
    @Public()
    @UseGuards(SessionGuard)
    @Controller('outside')
    class Outside extends Welcome {}
    expect(await boot({ controllers: [Outside] })).toBeUndefined();
  });
});

describe('requirements on what handles nothing', () => {
  class Reports {
    @Roles('admin')
    monthly() {}
  }
  @Injectable()
  class Lists {
    @IpAllowlist('office')
    all() {}
  }
  @UseGuards(SessionGuard)
  @Controller('child')
  class Child extends GuardedClass {
    /** A route no more: what it overrides had the decorator. */
    @Roles('admin')
    override read() {}
  }

  it.each<[string, ModuleMetadata]>([
    ['Reports.monthly', { providers: [Reports] }],
    ['Lists.all', { providers: [{ provide: 'lists', useClass: Lists }] }],
    ['Child.read', { controllers: [Child] }],
  ])('stop the app, naming %s', async (option, metadata) => {
    expect(await boot(metadata, { guard: 'global' })).toMatchObject({
      name: 'SessionConfigurationError',
      option,
      message: expect.stringContaining('Is its @Get() or the like missing?'),
    });
  });
});

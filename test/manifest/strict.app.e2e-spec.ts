import { Controller, Get, UseGuards, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OptionalSession, Public, SessionGuard, SessionModule } from '@latchkey/session';
import { closeUnstarted } from '../support/close-unstarted.js';
import {
  ChatGateway,
  GuardedClass,
  GuardedHandler,
  LimitedWithoutGuard,
  OfficeHours,
  Plain,
  PostResolver,
} from './support/handlers.js';

@Public()
@Controller('welcome')
class Welcome {
  @Get()
  read() {}
}

@OptionalSession()
@Controller('maybe')
class Maybe {
  @Get()
  read() {}
}

@UseGuards(SessionGuard)
class GuardedResolver extends PostResolver {}

const silence = { log() {}, warn() {}, error() {} };

/** What stops the boot. No server: for gateways see transports.app.e2e-spec.ts. */
async function boot(
  metadata: ModuleMetadata,
  options: { guard?: 'global'; strict?: boolean },
): Promise<unknown> {
  const imports = [SessionModule.forRoot({ allowMemoryInProduction: true, ...options })];
  const testing = await Test.createTestingModule({ ...metadata, imports })
    .setLogger(silence)
    .compile();
  try {
    await testing.init();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await closeUnstarted(testing);
  }
}

describe('the option strict', () => {
  it.each<[string, ModuleMetadata]>([
    ['Plain.read', { controllers: [GuardedClass, Plain] }],
    ['GuardedHandler.open', { controllers: [GuardedHandler] }],
    ['Maybe.read', { controllers: [Maybe] }],
    ['PostResolver.list', { providers: [PostResolver] }],
    ['PostResolver.list', { providers: [{ provide: 'resolver', useFactory: () => new PostResolver() }] }],
  ])('refuses to start with %s open, and names it', async (handler, metadata) => {
    expect(await boot(metadata, { strict: true })).toMatchObject({
      name: 'SessionConfigurationError',
      option: handler,
      message: expect.stringContaining(`${handler} is neither behind a SessionGuard nor @Public()`),
    });
    expect(await boot(metadata, {})).toBeUndefined();
  });

  it('leaves sockets alone where none is opened, as in a command that takes services from the app', async () => {
    expect(await boot({ providers: [ChatGateway] }, { strict: true })).toBeUndefined();
  });

  it('starts when every handler is guarded or public', async () => {
    const metadata = { controllers: [GuardedClass, Welcome], providers: [GuardedResolver] };
    expect(await boot(metadata, { strict: true })).toBeUndefined();
  });

  it("starts with guard: 'global', whatever the handlers say", async () => {
    const metadata = {
      controllers: [Plain, GuardedHandler, Maybe],
      providers: [ChatGateway, PostResolver, OfficeHours],
    };
    expect(await boot(metadata, { strict: true, guard: 'global' })).toBeUndefined();
  });
});

describe('a test that lets everybody in', () => {
  it("can put its own guard in our global one's place", async () => {
    const imports = [SessionModule.forRoot({ allowMemoryInProduction: true, strict: true, guard: 'global' })];
    const testing = await Test.createTestingModule({ imports, controllers: [Plain] })
      .overrideProvider(SessionGuard)
      .useValue({ canActivate: () => true })
      .setLogger(silence)
      .compile();
    await expect(testing.init()).resolves.toBe(testing);
    await testing.close();
  });
});

describe('a quota', () => {
  it('stops the app where no guard enforces it, also on a public handler', async () => {
    const metadata = { controllers: [LimitedWithoutGuard] };
    expect(await boot(metadata, {})).toMatchObject({ option: 'LimitedWithoutGuard.open' });
    expect(await boot(metadata, { guard: 'global' })).toBeUndefined();
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, type INestApplication, Module, Scope, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import {
  CurrentUser,
  IpAllowlist,
  OptionalSession,
  PolicyManifest,
  Public,
  RateLimit,
  Roles,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { Scopes, ServiceTokenGuard, ServiceTokensModule } from '@latchkey/session/jwt';
import { concat, firstValueFrom, NEVER, of, startWith, timeout } from 'rxjs';
import { freePort } from '../support/free-port.js';

interface Hybrid {
  readonly app: INestApplication;
  readonly client: ClientProxy;
  readonly send: (pattern: string, authorization?: string) => Promise<unknown>;
}

const running: Hybrid[] = [];

/** HTTP and messages in one app. */
async function start(
  controller: Type,
  inheritAppConfig: boolean,
  options: SessionModuleOptions = {},
): Promise<Hybrid> {
  @Module({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true, ...options })],
    controllers: [controller],
  })
  class App {}
  return run(App, inheritAppConfig);
}

async function run(module: Type, inheritAppConfig: boolean): Promise<Hybrid> {
  const service = {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: await freePort() },
  } as const;
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  const client = ClientProxyFactory.create(service);
  const hybrid: Hybrid = {
    app,
    client,
    send: (pattern, authorization) =>
      firstValueFrom(
        client
          .send<unknown>(pattern, authorization === undefined ? {} : { authorization })
          .pipe(timeout(5_000)),
      ).catch((error: { code?: unknown }) => error.code ?? error),
  };
  running.push(hybrid);
  app.connectMicroservice<MicroserviceOptions>(service, { inheritAppConfig });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return hybrid;
}

afterEach(async () => {
  for (const { app, client } of running.splice(0)) {
    await client.close();
    await app.close();
  }
});

describe.each([true, false])('a hybrid app with inheritAppConfig: %s', (inherits) => {
  it('guards the messages that a guard of their own stands before', async () => {
    @UseGuards(SessionGuard)
    @Controller()
    class Both {
      @Roles('admin')
      @Get('shared')
      @MessagePattern('shared')
      shared(@CurrentUser() user: UserState) {
        return user.id;
      }

      @OptionalSession()
      @MessagePattern('maybe')
      maybe(@CurrentUser() user?: UserState) {
        return user?.id ?? 'nobody';
      }
    }
    const { app, send } = await start(Both, inherits, { guard: 'global', strict: true });
    const { token } = await app.get(SessionService).create('ada');
    expect(await send('shared')).toBe('session_missing');
    expect(await send('shared', `Bearer ${token}`)).toBe('forbidden');
    await app.get(UserStateService).setRoles('ada', ['admin']);
    expect(await send('shared', `Bearer ${token}`)).toBe('ada');
    expect(await send('maybe')).toBe('nobody');
    expect(await send('maybe', `Bearer ${token}`)).toBe('ada');
    const url = `${await app.getUrl()}/shared`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect(app.get(PolicyManifest).list()).toMatchObject([
      { kind: 'http', path: '/shared', access: 'guarded' },
      { kind: 'rpc', method: 'MESSAGE', path: 'maybe', access: 'optional' },
      { kind: 'rpc', method: 'MESSAGE', path: 'shared', access: 'guarded', roles: [['admin']] },
    ]);
  });

  it('does not start with what only a global guard would enforce', async () => {
    @Controller()
    class WithRoles {
      @Roles('admin')
      @MessagePattern('plain')
      plain() {}
    }
    @Controller()
    class Plain {
      @EventPattern('plain')
      plain(_data: unknown) {}
    }
    const failure = (controller: Type, options: SessionModuleOptions) =>
      start(controller, inherits, options).catch((error: unknown) => error);
    expect(await failure(WithRoles, { guard: 'global' })).toMatchObject({
      option: 'WithRoles.plain',
      message: expect.stringContaining('add SessionGuard to its @UseGuards()'),
    });
    expect(await failure(Plain, { guard: 'global', strict: true })).toMatchObject({
      option: 'Plain.plain',
      message: expect.stringContaining('as the option strict demands'),
    });
  });
});

it('takes tokens of messages whatever transports HTTP has', async () => {
  @UseGuards(SessionGuard)
  @Controller()
  class Messages {
    @MessagePattern('plain')
    plain(@CurrentUser() user: UserState) {
      return user.id;
    }
  }
  const { app, send } = await start(Messages, false, { transports: ['cookie'] });
  const { token } = await app.get(SessionService).create('ada');
  expect(await send('plain', `Bearer ${token}`)).toBe('ada');
});

it('guards controllers that are made anew for each message', async () => {
  const made: object[] = [];
  @UseGuards(SessionGuard)
  @Controller({ scope: Scope.REQUEST })
  class Messages {
    constructor() {
      made.push(this);
    }

    @MessagePattern('plain')
    plain(@CurrentUser() user: UserState) {
      return user.id;
    }

    @MessagePattern('many')
    many(@CurrentUser() user: UserState) {
      return concat(of(1), NEVER.pipe(startWith(user.id)));
    }
  }
  const { app, client, send } = await start(Messages, false);
  const { token } = await app.get(SessionService).create('ada');
  const authorization = `Bearer ${token}`;
  expect(await send('plain')).toBe('session_missing');
  expect(await send('plain', authorization)).toBe('ada');
  expect(made.length).toBeGreaterThan(1);
  const values: unknown[] = [];
  const end = new Promise((resolve) => {
    client
      .send<unknown>('many', { authorization })
      .subscribe({ next: (value) => values.push(value), error: resolve });
  });
  while (values.length < 2) await sleep(5);
  await app.get(UserStateService).block('ada', { reason: 'spam' });
  expect(await end).toMatchObject({ code: 'user_blocked' });
  expect(values).toEqual([1, 'ada']);
});

it('checks each handler of an event by itself', async () => {
  const heard: string[] = [];
  @UseGuards(SessionGuard)
  @Controller()
  class Listeners {
    @OptionalSession()
    @(EventPattern('moved') as MethodDecorator)
    async all(@CurrentUser() user?: UserState) {
      heard.push(`all ${user?.id}`);
    }

    @Roles('admin')
    @(EventPattern('moved') as MethodDecorator)
    admins() {
      heard.push('admins');
    }

    @Public()
    @(EventPattern('moved') as MethodDecorator)
    open(@CurrentUser() user?: UserState) {
      heard.push(`open ${user?.id}`);
    }

    @(EventPattern('moved') as MethodDecorator)
    users(@CurrentUser() user: UserState) {
      heard.push(`users ${user.id}`);
    }
  }
  const { app, client } = await start(Listeners, false);
  const { token } = await app.get(SessionService).create('ada');
  client.emit('moved', { authorization: `Bearer ${token}` });
  while (heard.length < 3) await sleep(5);
  client.emit('moved', {});
  while (heard.length < 5) await sleep(5);
  await sleep(50);
  expect(heard.slice(0, 3).toSorted()).toEqual(['all ada', 'open undefined', 'users ada']);
  expect(heard.slice(3).toSorted()).toEqual(['all undefined', 'open undefined']);
});

it('knows the sessions of its own SessionModule only', async () => {
  const realm = (name: string) => {
    @UseGuards(SessionGuard)
    @Controller()
    class Messages {
      constructor(readonly sessions: SessionService) {}

      @MessagePattern(name)
      who(@CurrentUser() user: UserState) {
        return user.id;
      }
    }
    @Module({
      imports: [SessionModule.forRoot({ isGlobal: false, allowMemoryInProduction: true })],
      controllers: [Messages],
    })
    class Realm {}
    return { Realm, Messages };
  };
  const [staff, customers] = [realm('staff'), realm('customers')];
  @Module({ imports: [staff.Realm, customers.Realm] })
  class App {}
  const { app, send } = await run(App, true);
  const { token } = await app.get(staff.Messages, { strict: false }).sessions.create('mia');
  expect(await send('staff', `Bearer ${token}`)).toBe('mia');
  expect(await send('customers', `Bearer ${token}`)).toBe('session_invalid');
});

it('refuses services in their own form without a SessionModule, too', async () => {
  @UseGuards(ServiceTokenGuard)
  @Controller()
  class Messages {
    @Scopes('orders:read')
    @MessagePattern('list')
    list() {}
  }
  @Module({
    imports: [ServiceTokensModule.forRoot({ service: 'https://orders.internal' })],
    controllers: [Messages],
  })
  class App {}
  for (const inherits of [true, false])
    expect(await (await run(App, inherits)).send('list', 'Bearer x')).toBe('service_token_invalid');
});

describe('what goes by the client IP', () => {
  function messagesWith(decorator: MethodDecorator): Type {
    @UseGuards(SessionGuard)
    @Controller()
    class Messages {
      @decorator
      @MessagePattern('plain')
      plain() {}
    }
    return Messages;
  }
  const nothing: MethodDecorator = () => undefined;
  const onPublic: MethodDecorator = (...at) => {
    Public()(...at);
    RateLimit({ name: 'a', quota: 1, window: '1m', by: 'ip' })(...at);
  };

  it.each<[string, MethodDecorator, SessionModuleOptions, RegExp]>([
    ['a quota by it', RateLimit({ name: 'a', quota: 1, window: '1m', by: 'ip' }), {}, /count by 'user'/],
    [
      'a quota by the request',
      RateLimit({ name: 'a', quota: 1, window: '1m', by: () => 'x' }),
      {},
      /count by/,
    ],
    ['a quota on a public one', onPublic, {}, /count by/],
    [
      'a quota of all handlers',
      nothing,
      { rateLimits: { all: { quota: 9, window: '1m', by: 'ip' } }, defaultRateLimits: ['all'] },
      /count by 'user'/,
    ],
    ['a list', IpAllowlist(['10.0.0.0/8']), {}, /no client IP/],
    ['a list of all handlers', nothing, { ipPolicy: { allow: ['10.0.0.0/8'] } }, /no client IP/],
  ])('stops the app: %s', async (_name, decorator, options, message) => {
    const error = await start(messagesWith(decorator), false, options).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  it('refuses users who may come from some addresses only', async () => {
    const { app, send } = await start(messagesWith(nothing), false);
    const { token } = await app.get(SessionService).create('ada');
    await app.get(UserStateService).setIpAllowlist('ada', ['127.0.0.0/8']);
    expect(await send('plain', `Bearer ${token}`)).toBe('ip_not_allowed');
  });
});

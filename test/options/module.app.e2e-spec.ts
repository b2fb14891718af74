import {
  Controller,
  Get,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type ModuleMetadata,
} from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  CurrentSession,
  OptionalSession,
  Public,
  Roles,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  SessionService,
  type Session,
  type SessionModuleOptions,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import request from 'supertest';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';
import { PLATFORMS, bootFailure, stopApps } from '../support/library-app.js';

@UseGuards(SessionGuard)
@Controller('things')
class Things {
  @Get()
  read(@CurrentSession() session: Session) {
    return { user: session.userId };
  }
}

/** A feature of the app that imports nothing of ours. */
@Module({ controllers: [Things] })
class ThingsModule {}

@Module({ providers: [{ provide: 'CONFIG', useValue: { maxSessionsPerUser: 1 } }], exports: ['CONFIG'] })
class ConfigModule {}

/** Holds a request up inside its handler. */
class Gate {
  readonly events: string[] = [];
  reach!: () => void;
  open!: () => void;
  readonly reached = new Promise<void>((resolve) => (this.reach = resolve));
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

@Controller('slow')
class Slow {
  constructor(private readonly gate: Gate) {}

  @Get()
  async read() {
    this.gate.reach();
    await this.gate.opened;
    this.gate.events.push('handled');
    return {};
  }
}

let warnings: string[];
/** As Test.createTestingModule, and collects what the app warns of. */
function testingModule(metadata: ModuleMetadata): TestingModuleBuilder {
  const collect = (line: unknown) => void warnings.push(String(line));
  return Test.createTestingModule(metadata).setLogger({ log() {}, warn: collect, error: collect });
}
let environment: string | undefined;

beforeEach(() => {
  environment = process.env['NODE_ENV'];
  warnings = [];
});
afterEach(async () => {
  process.env['NODE_ENV'] = environment;
  await stopApps();
});

describe('SessionModule.forRoot', () => {
  it('is global and in memory without options, and says so in one line', async () => {
    const testing = await testingModule({ imports: [SessionModule.forRoot(), ThingsModule] }).compile();
    const app = testing.createNestApplication();
    await app.init();
    const { headers } = await loginAs(app, { userId: 'alice' });
    const server = app.getHttpServer();
    expect((await request(server).get('/things').set(headers)).body).toEqual({ user: 'alice' });
    expect((await request(server).get('/things')).body.code).toBe('session_missing');
    expect(warnings.filter((line) => line.includes('Redis'))).toHaveLength(1);
    await app.close();
  });

  it('refuses memory in production unless asked for', async () => {
    process.env['NODE_ENV'] = 'production';
    const boot = (options?: SessionModuleOptions) =>
      bootFailure(testingModule({ imports: [SessionModule.forRoot(options)] }));
    expect(await boot()).toMatchObject({ name: 'SessionConfigurationError', option: 'redis' });
    expect(await boot({ allowMemoryInProduction: true })).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('stops the app at an option that cannot work, and names it', async () => {
    const failure = await bootFailure(
      testingModule({ imports: [SessionModule.forRoot({ lifetime: 'aal9' as 'aal1' })] }),
    );
    expect(failure).toBeInstanceOf(SessionConfigurationError);
    expect(failure).toMatchObject({
      message:
        "@latchkey/session: lifetime cannot be used: unknown preset 'aal9': use 'aal1', 'aal2' or 'aal3'",
    });
  });

  it.each<[string, string, () => unknown]>([
    [
      'a getter of a class',
      'guard',
      () =>
        new (class Config {
          get guard() {
            return 'global';
          }
        })(),
    ],
    ['what a prototype has', 'strict', () => Object.create({ strict: true })],
    [
      'a getter for isGlobal',
      'isGlobal',
      () =>
        new (class Config {
          get isGlobal() {
            return false;
          }
        })(),
    ],
    ['nothing', 'options', () => null],
    ['a text', 'options', () => 'global'],
    ['isGlobal of an environment', 'isGlobal', () => ({ isGlobal: 'false' })],
    ['isGlobal without a value', 'isGlobal', () => ({ isGlobal: undefined })],
  ])('loses nothing that it is given without a word: %s', (_, option, give) => {
    const forRoot = () => SessionModule.forRoot(give() as SessionModuleOptions);
    expect(forRoot).toThrow(expect.objectContaining({ name: 'SessionConfigurationError', option }));
  });

  it('takes an instance of a class that has its options itself', async () => {
    class Config {
      readonly guard = 'global' as const;
    }
    const testing = await testingModule({
      imports: [SessionModule.forRoot(new Config()), ThingsModule],
    }).compile();
    const app = testing.createNestApplication();
    await app.init();
    expect((await request(app.getHttpServer()).get('/things')).body.code).toBe('session_missing');
    await app.close();
  });

  it('stays in the modules that import it with isGlobal: false', async () => {
    const sessions = SessionModule.forRoot({ isGlobal: false, allowMemoryInProduction: true });
    @Module({ imports: [sessions], controllers: [Things] })
    class Importing {}
    expect(await bootFailure(testingModule({ imports: [Importing] }))).toBeUndefined();
    const failure = await bootFailure(testingModule({ imports: [sessions, ThingsModule] }));
    expect(failure).toMatchObject({
      message: expect.stringContaining("can't resolve dependencies of the SessionGuard"),
    });
  });

  it('closes the repository at shutdown, once, and after the requests under way', async () => {
    const gate = new Gate();
    const testing = await testingModule({
      imports: [SessionModule.forRoot()],
      controllers: [Slow],
      providers: [{ provide: Gate, useValue: gate }],
    }).compile();
    const app = testing.createNestApplication();
    await app.listen(0, '127.0.0.1');
    const repository = app.get<SessionRepository>(SESSION_REPOSITORY);
    const close = repository.close.bind(repository);
    repository.close = async () => {
      gate.events.push('closed');
      await close();
    };
    const reply = request(await app.getUrl())
      .get('/slow')
      .then(({ status }) => status);
    await gate.reached;
    const closing = app.close();
    setTimeout(gate.open, 50);
    expect(await reply).toBe(200);
    await closing;
    expect(gate.events).toEqual(['handled', 'closed']);
  });
});

describe('SessionModule.forRootAsync', () => {
  it('takes its options from a factory with imports and injections', async () => {
    const testing = await testingModule({
      imports: [
        SessionModule.forRootAsync({
          imports: [ConfigModule],
          inject: ['CONFIG'],
          useFactory: async (config: SessionModuleOptions) => ({ ...config, guard: 'global' }),
        }),
        ThingsModule,
      ],
    }).compile();
    const sessions = testing.get(SessionService);
    await sessions.create('alice');
    await sessions.create('alice');
    expect(await sessions.list('alice')).toHaveLength(1);
    await testing.close();
  });

  it.each<[string, unknown]>([
    ['options', undefined],
    ['maxSessionsPerUser', { maxSessionsPerUser: '10' }],
    ['redisUrl', { redisUrl: 'redis://localhost' }],
  ])('checks what the factory gives: %s', async (option, given) => {
    const failure = await bootFailure(
      testingModule({
        imports: [SessionModule.forRootAsync({ useFactory: () => given as SessionModuleOptions })],
      }),
    );
    expect(failure).toMatchObject({ name: 'SessionConfigurationError', option });
  });
});

@Injectable()
class OtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

describe('decorators that cannot work', () => {
  const boot = (controller: new () => object, options: SessionModuleOptions = {}) =>
    bootFailure(testingModule({ imports: [SessionModule.forRoot(options)], controllers: [controller] }));

  it('stop the app when they contradict each other on one handler or one class', async () => {
    @Controller('a')
    class OnHandler {
      @Public()
      @Roles('admin')
      @Get()
      read() {}
    }
    @OptionalSession()
    @Public()
    @Controller('b')
    class OnClass {
      @Get()
      write() {}
    }
    expect(await boot(OnHandler, { guard: 'global' })).toMatchObject({
      name: 'SessionConfigurationError',
      message: expect.stringContaining('OnHandler.read is declared with @Public() and with a requirement'),
    });
    expect(await boot(OnClass)).toMatchObject({ option: 'OnClass.write' });
  });

  it('stop the app when no guard enforces them', async () => {
    @Controller('a')
    class Unguarded {
      @Roles('admin')
      @Get()
      read() {}
    }
    expect(await boot(Unguarded)).toMatchObject({ option: 'Unguarded.read' });
    expect(await boot(Unguarded, { guard: 'global' })).toBeUndefined();
  });

  it('stop the app when only guards that are not ours stand there', async () => {
    @UseGuards(OtherGuard)
    @Controller('a')
    class Elsewhere {
      @Roles('admin')
      @Get()
      read() {}
    }
    class Stricter extends SessionGuard {}
    @UseGuards(OtherGuard, Stricter)
    @Controller('b')
    class Ours {
      @Roles('admin')
      @Get()
      read() {}
    }
    expect(await boot(Elsewhere)).toMatchObject({ option: 'Elsewhere.read' });
    expect(await boot(Ours)).toBeUndefined();
  });

  it.each([
    ['@Roles() without a role', () => Roles()],
    ['@Roles() with a bad name', () => Roles('site admin')],
  ])('%s throws where it is written', (_, decorate) => {
    expect(decorate).toThrow(SessionConfigurationError);
  });

  it.each(PLATFORMS)('are found on $name too', async ({ adapter }) => {
    @Controller('a')
    class OnHandler {
      @Public()
      @OptionalSession()
      @Get()
      read() {}
    }
    const testing = await testingModule({
      imports: [SessionModule.forRoot()],
      controllers: [OnHandler],
    }).compile();
    const app = testing.createNestApplication(adapter());
    await expect(app.init()).rejects.toThrow('OnHandler.read');
    await app.close();
  });
});

import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  type MessageEvent,
  Module,
  type NestInterceptor,
  ParseIntPipe,
  Query,
  Scope,
  Sse,
  StreamableFile,
  UseGuards,
  UseInterceptors,
  VersioningType,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import {
  OptionalSession,
  PolicyManifest,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { SessionPassportModule } from '@latchkey/session/passport';
import { finalize, interval, map, NEVER, type Observable, of, throwError } from 'rxjs';
import { Readable } from 'node:stream';
import { hold } from '../sample/support/gate.js';
import { BUSY_MS } from '../support/patience.js';
import { PLATFORMS } from '../support/library-app.js';
import { bearer, StreamClient } from './support/clients.js';

let running = 0;

/** What an app writes that knows nothing of live connections. */
function ticks(next: (n: number) => Partial<MessageEvent> = () => ({})): Observable<MessageEvent> {
  running += 1;
  return interval(20).pipe(
    map((n) => ({ type: 'tick', data: { n }, ...next(n) })),
    finalize(() => (running -= 1)),
  );
}

@Injectable()
class Instead implements NestInterceptor {
  intercept(_context: ExecutionContext, _next: CallHandler): Observable<MessageEvent> {
    return interval(20).pipe(map((n) => ({ type: 'tick', data: { n } })));
  }
}

abstract class Inherited {
  @Sse('inherited')
  inherited(): Observable<MessageEvent> {
    return ticks();
  }
}

@Controller()
class TicksController extends Inherited {
  @Sse('ticks')
  ticks(): Observable<MessageEvent> {
    return ticks();
  }

  @Sse('moderation')
  @Roles('moderator')
  async moderation(): Promise<Observable<MessageEvent>> {
    await sleep(5);
    return ticks();
  }

  @Sse('open')
  @Public()
  open(): Observable<MessageEvent> {
    return ticks();
  }

  @Sse('optional')
  @OptionalSession()
  optional(): Observable<MessageEvent> {
    return ticks();
  }

  @Sse('counted')
  @RateLimit({ name: 'opened', quota: 2, window: '1h', by: 'user' })
  counted(): Observable<MessageEvent> {
    return ticks();
  }

  @Sse('short')
  short(): Observable<MessageEvent> {
    return of({ type: 'tick', data: { n: 0 } }, { type: 'tick', data: { n: 1 } });
  }

  @Sse('fails')
  fails(): Observable<MessageEvent> {
    return throwError(() => new Error('on purpose'));
  }

  @Sse('piped')
  piped(@Query('n', ParseIntPipe) _n: number): Observable<MessageEvent> {
    return ticks();
  }

  @Sse('numbered')
  numbered(): Observable<MessageEvent> {
    return ticks((n) => ({ id: `n${n}` }));
  }

  @Sse('silent')
  silent(): Observable<MessageEvent> {
    return NEVER;
  }

  @Sse('flood', { maxPendingDataLength: 0 })
  flood(): Observable<MessageEvent> {
    return interval(1).pipe(map(() => ({ type: 'tick', data: { text: 'x'.repeat(256 * 1024) } })));
  }

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(
      Readable.from(
        (async function* () {
          for (let i = 0; i < 10; i++) {
            yield 'part ';
            await sleep(20);
          }
        })(),
      ),
    );
  }
}

/** An interceptor of the class that leaves out the handler and its interceptors. */
@Controller()
@UseInterceptors(Instead)
class InsteadController {
  @Sse('instead')
  instead(): Observable<MessageEvent> {
    return NEVER;
  }
}

@Controller({ scope: Scope.REQUEST, version: '2' })
class ScopedController {
  @Sse('scoped')
  scoped(): Observable<MessageEvent> {
    return ticks();
  }
}

async function startApp(module: object, platform: (typeof PLATFORMS)[number]): Promise<INestApplication> {
  const app = await NestFactory.create(module, platform.adapter(), { logger: false });
  app.enableVersioning({ type: VersioningType.URI });
  await app.listen(0, '127.0.0.1');
  return app;
}

describe.each(PLATFORMS)("Nest's @Sse() on $name", (platform) => {
  let app: INestApplication;
  let url: string;
  let users: UserStateService;
  let sessions: SessionService;
  let here: LiveConnections;
  const opened: StreamClient[] = [];

  beforeAll(async () => {
    @Module({
      imports: [SessionModule.forRoot({ guard: 'global', live: { maxConnectionsPerSession: 2 } })],
      controllers: [TicksController, InsteadController, ScopedController],
    })
    class App {}
    app = await startApp(App, platform);
    url = await app.getUrl();
    [here, users, sessions] = [app.get(LiveConnections), app.get(UserStateService), app.get(SessionService)];
  });
  afterAll(() => app.close());
  afterEach(async () => {
    for (const client of opened.splice(0)) client.close();
    await untilNoneIsOpen();
  });

  async function loggedIn(userId: string, roles: string[] = []): Promise<string> {
    await users.ensure(userId);
    await users.setRoles(userId, roles);
    return (await sessions.create(userId)).token;
  }
  async function openAt(path: string, token?: string, headers = {}): Promise<StreamClient> {
    const client = await StreamClient.open(url, { ...bearer(token), ...headers }, path);
    opened.push(client);
    return client;
  }
  async function untilNoneIsOpen(): Promise<void> {
    const until = performance.now() + 3 * BUSY_MS;
    while ((here.size > 0 || running > 0) && performance.now() < until) await sleep(10);
    expect({ open: here.size, running }).toEqual({ open: 0, running: 0 });
  }

  it.each(['/ticks', '/moderation', '/optional', '/inherited', '/silent', '/v2/scoped'])(
    '%s ends with a block and says why',
    async (path) => {
      const token = await loggedIn('ada', ['moderator']);
      const client = await openAt(path, token);
      if (path === '/silent') await sleep(50);
      else await client.event('tick');
      expect(here.size).toBe(1);
      const receipt = await users.block('ada', { reason: 'spam' });
      const doneAt = performance.now();
      expect(receipt).toMatchObject({ connectionsClosed: 1 });
      await client.ended(BUSY_MS);
      expect(client.events.at(-1)).toMatchObject({ name: 'session-ended', data: { code: 'user_blocked' } });
      expect(client.events.filter(({ name, at }) => name === 'tick' && at > doneAt)).toEqual([]);
      await users.unblock('ada');
    },
  );

  it('ends with the role that its handler demands, and only then', async () => {
    const token = await loggedIn('bob', ['moderator']);
    const [plain, moderation] = await Promise.all([openAt('/ticks', token), openAt('/moderation', token)]);
    await moderation.event('tick');
    await users.setRoles('bob', []);
    await moderation.ended(BUSY_MS);
    expect(moderation.events.at(-1)).toMatchObject({ name: 'session-ended', data: { code: 'forbidden' } });
    await sleep(100);
    expect(plain.endedAt).toBeUndefined();
  });

  it('ends with a logout', async () => {
    const token = await loggedIn('cyd');
    const client = await openAt('/ticks', token);
    await client.event('tick');
    const [session] = await sessions.list('cyd');
    await sessions.revoke('cyd', session!.id);
    await client.ended(BUSY_MS);
    expect(client.events.at(-1)).toMatchObject({ name: 'session-ended', data: { code: 'session_revoked' } });
  });

  it('is refused as any route is, and beyond the limit of connections, before anything is sent', async () => {
    expect((await openAt('/ticks')).response.statusCode).toBe(401);
    const token = await loggedIn('dan');
    expect((await openAt('/moderation', token)).response.statusCode).toBe(403);
    const two = await Promise.all([openAt('/ticks', token), openAt('/ticks', token)]);
    await Promise.all(two.map((client) => client.event('tick')));
    const third = await openAt('/ticks', token);
    expect(third.response.statusCode).toBe(429);
    expect(third.response.headers['content-type']).toContain('application/problem+json');
    expect(third.response.headers['retry-after']).toBe('10');
    two[0].close();
    while (here.size > 1) await sleep(10);
    await (await openAt('/ticks', token)).event('tick');
  });

  it('uses up a quota once', async () => {
    const token = await loggedIn('dee');
    for (const status of [200, 200, 429])
      expect((await openAt('/counted', token)).response.statusCode).toBe(status);
  });

  it('is left alone where it needs no session', async () => {
    const streams = await Promise.all([
      openAt('/open'),
      openAt('/open', await loggedIn('eve')),
      openAt('/optional'),
    ]);
    await Promise.all(streams.map((client) => client.event('tick')));
    expect(here.size).toBe(0);
  });

  it('that ends by itself, fails or is refused by a pipe leaves nothing behind', async () => {
    const token = await loggedIn('fay');
    const short = await openAt('/short', token);
    await short.ended();
    expect(short.events.map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }]);
    expect((await openAt('/fails', token)).response.statusCode).toBe(500);
    expect((await openAt('/piped?n=x', token)).response.statusCode).toBe(400);
    await (await openAt('/piped?n=1', token)).event('tick');
  });

  it('keeps what its client goes on from', async () => {
    for (const [path, headers, isId] of [
      ['/numbered', {}, /^n\d+$/],
      ['/silent', { 'last-event-id': 'n7' }, /^n7$/],
      ['/ticks', {}, /^\d+$/],
    ] as const) {
      const token = await loggedIn('gus');
      const client = await openAt(path, token, headers);
      if (path === '/silent') await sleep(50);
      else await client.event('tick');
      await sessions.revokeAll('gus');
      await client.ended(BUSY_MS);
      const [before, end] = [client.events.at(-2), client.events.at(-1)];
      expect(end).toMatchObject({ name: 'session-ended', id: expect.stringMatching(isId) as string });
      if (path === '/numbered') expect(end?.id).toBe(before?.id);
    }
  });

  it('ends for a client that does not read, too', async () => {
    const token = await loggedIn('hal');
    const client = await openAt('/flood', token);
    await client.event('tick');
    client.response.pause();
    await sleep(300);
    await sessions.revokeAll('hal');
    expect(here.size).toBe(0);
    const count = async () =>
      new Promise<number>((resolve) =>
        (app.getHttpServer() as import('node:http').Server).getConnections((_, n) => resolve(n)),
      );
    for (let i = 0; i < 300 && (await count()) > 0; i++) await sleep(10);
    expect(await count()).toBe(0);
  });

  it('ends where an interceptor sends something else instead', async () => {
    const client = await openAt('/instead', await loggedIn('ida'));
    await client.event('tick');
    await sessions.revokeAll('ida');
    await client.ended(3 * BUSY_MS);
  });

  it('brings nothing to a session that ended while it was opened', async () => {
    const token = await loggedIn('jon');
    const gate = hold(here, 'register', 'after');
    const opening = openAt('/ticks', token);
    await gate.reached;
    await users.block('jon', { reason: 'spam' });
    gate.open();
    const client = await opening;
    await client.ended(BUSY_MS);
    expect(client.events.map(({ name, data }) => [name, data['code']])).toEqual([
      ['session-ended', 'user_blocked'],
    ]);
  });

  it('answers HEAD, and holds nothing', async () => {
    const token = await loggedIn('kay');
    const status = await new Promise((resolve, reject) => {
      const options = { method: 'HEAD', headers: bearer(token), agent: false } as const;
      httpRequest(`${url}/ticks`, options, (response) =>
        response.resume().on('end', () => resolve(response.statusCode)),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('is none: a file that is being sent is finished', async () => {
    const token = await loggedIn('lea');
    const reply = await fetch(`${url}/file`, { headers: bearer(token) });
    await sessions.revokeAll('lea');
    expect(await reply.text()).toBe('part '.repeat(10));
  });

  it('is in the manifest as ending with its session', () => {
    const manifest = app.get(PolicyManifest).list();
    const ending = manifest.filter(({ endsWithSession }) => endsWithSession).map(({ path }) => path);
    expect(ending).toEqual(expect.arrayContaining(['/ticks', '/optional', '/v2/scoped', '/instead']));
    for (const path of ['/open', '/file']) expect(ending).not.toContain(path);
    expect(manifest.filter(({ otherGuards }) => otherGuards)).toEqual([]);
  });
});

describe.each(PLATFORMS)("Nest's @Sse() on $name, behind", (platform) => {
  @UseGuards(SessionGuard)
  @Controller()
  class OfClass {
    @Sse('class')
    stream(): Observable<MessageEvent> {
      return ticks();
    }
  }

  @Controller()
  class OfStrategy {
    @UseGuards(AuthGuard('latchkey'))
    @Sse('strategy')
    stream(): Observable<MessageEvent> {
      return ticks();
    }

    @Sse('unguarded')
    unguarded(): Observable<MessageEvent> {
      return ticks();
    }
  }

  it('a guard of its class, a strategy, or none', async () => {
    @Module({
      imports: [SessionModule.forRoot(), SessionPassportModule],
      controllers: [OfClass, OfStrategy],
    })
    class App {}
    const app = await startApp(App, platform);
    try {
      const { token } = await app.get(SessionService).create('ada');
      const at = async (path: string) => StreamClient.open(await app.getUrl(), bearer(token), path);
      const [ofClass, ofStrategy, unguarded] = await Promise.all(
        ['/class', '/strategy', '/unguarded'].map(at),
      );
      await Promise.all([ofClass!, ofStrategy!, unguarded!].map((client) => client.event('tick')));
      await app.get(UserStateService).block('ada', { reason: 'spam' });
      for (const client of [ofClass!, ofStrategy!]) {
        await client.ended(BUSY_MS);
        expect(client.events.at(-1)).toMatchObject({ name: 'session-ended' });
      }
      expect(unguarded!.endedAt).toBeUndefined();
      unguarded!.close();
    } finally {
      await app.close();
    }
  });

  it('the guards of two SessionModules: each ends its own', async () => {
    const Customers = SessionModule.forRoot({ isGlobal: false });
    const Staff = SessionModule.forRoot({ isGlobal: false, cookie: { name: '__Host-staff' } });

    @UseGuards(SessionGuard)
    @Controller('customers')
    class CustomersController {
      constructor(
        readonly users: UserStateService,
        readonly sessions: SessionService,
      ) {}

      @Sse('stream')
      stream(): Observable<MessageEvent> {
        return ticks();
      }
    }

    @UseGuards(SessionGuard)
    @Controller('staff')
    class StaffController {
      constructor(
        readonly users: UserStateService,
        readonly sessions: SessionService,
      ) {}

      @Sse('stream')
      stream(): Observable<MessageEvent> {
        return ticks();
      }
    }

    @Module({ imports: [Customers], controllers: [CustomersController] })
    class CustomersModule {}
    @Module({ imports: [Staff], controllers: [StaffController] })
    class StaffModule {}
    @Module({ imports: [CustomersModule, StaffModule] })
    class App {}
    const app = await startApp(App, platform);
    try {
      const url = await app.getUrl();
      const [customers, staff] = [app.get(CustomersController), app.get(StaffController)];
      const [one, other] = [await customers.sessions.create('ada'), await staff.sessions.create('ada')];
      const refused = await StreamClient.open(url, bearer(one.token), '/staff/stream');
      expect(refused.response.statusCode).toBe(401);
      const ofCustomer = await StreamClient.open(url, bearer(one.token), '/customers/stream');
      const ofStaff = await StreamClient.open(url, bearer(other.token), '/staff/stream');
      await Promise.all([ofCustomer, ofStaff].map((client) => client.event('tick')));
      await customers.users.block('ada', { reason: 'spam' });
      await ofCustomer.ended(BUSY_MS);
      await sleep(100);
      expect(ofStaff.endedAt).toBeUndefined();
      await staff.users.block('ada', { reason: 'spam' });
      await ofStaff.ended(BUSY_MS);
    } finally {
      await app.close();
    }
  });
});

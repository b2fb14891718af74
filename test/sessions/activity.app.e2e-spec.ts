import { Controller, Get, Post } from '@nestjs/common';
import {
  CurrentSession,
  OptionalSession,
  Passive,
  PolicyManifest,
  Public,
  RateLimit,
  type Session,
  SessionConfigurationError,
  SessionData,
  SessionModule,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { Test } from '@nestjs/testing';
import { bootFailure, PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';

const MINUTE = 60_000;
const LIFETIME = { inactivityTimeout: '10m', absoluteTimeout: '1h' } as const;

@Controller()
class Pages {
  @Get('read')
  read() {
    return {};
  }
  @Passive()
  @RateLimit({ name: 'polls', quota: 40, window: '1d', by: 'user' })
  @Get('poll')
  poll(@CurrentSession() { lastSeenAt }: Session, @SessionData() data: object) {
    return { lastSeenAt, data };
  }
  @Passive()
  @OptionalSession()
  @Get('poll-anyway')
  pollAnyway(@CurrentSession() session?: Session) {
    return { isThere: session !== undefined };
  }
  @Public()
  @Get('open')
  open() {
    return {};
  }
}

@Passive()
@Controller('dashboard')
class Dashboard {
  @Get()
  show() {
    return {};
  }
  @Public()
  @Get('open')
  open() {
    return {};
  }
}

describe.each(PLATFORMS)('activity, on $name', (platform) => {
  let running: RunningApp;
  let headers: Readonly<Record<string, string>>;
  const get = (path: string) => running.http.get(path).set(headers);

  beforeEach(async () => {
    running = await startApp({
      platform,
      controllers: [Pages, Dashboard],
      session: { guard: 'global', lifetime: LIFETIME, sessionExpiresHeader: true },
    });
    ({ headers } = await loginAs(running.app, { userId: 'alice' }));
  });
  afterEach(stopApps);

  it.each(['/poll', '/poll-anyway', '/dashboard'])(
    'lets a session time out while %s is polled',
    async (path) => {
      for (let minute = 1; minute < 10; minute++) {
        running.clock.advance(MINUTE);
        expect((await get(path)).status).toBe(200);
      }
      running.clock.advance(MINUTE);
      const after = await get(path);
      if (path === '/poll-anyway') expect(after.body).toEqual({ isThere: false });
      else expect([after.status, (after.body as { code: string }).code]).toEqual([401, 'session_expired']);
    },
  );

  it('keeps it alive by what is not passive', async () => {
    for (let minute = 0; minute < 30; minute += 5) {
      running.clock.advance(5 * MINUTE);
      expect((await get('/read')).status).toBe(200);
    }
  });

  it('counts quotas and reads data all the same', async () => {
    const first = await get('/poll');
    expect(first.body).toMatchObject({ data: {} });
    expect(first.headers['ratelimit']).toContain('r=39');
    expect((await get('/poll')).headers['ratelimit']).toContain('r=38');
  });

  it('tells how many seconds there are, on what the guard let a session in to', async () => {
    const left = async (path: string) => (await get(path)).headers['session-expires'];
    expect(await left('/read')).toBe('600');
    running.clock.advance(4 * MINUTE + 1);
    expect(await left('/poll')).toBe('359');
    expect(await left('/dashboard')).toBe('359');
    await left('/read');
    expect(await left('/poll')).toBe('600');
    expect(await left('/open')).toBeUndefined();
    running.clock.advance(10 * MINUTE);
    expect(await left('/poll')).toBeUndefined();
    expect((await running.http.get('/poll-anyway')).headers['session-expires']).toBeUndefined();
  });

  it('counts down to the absolute timeout where that comes first', async () => {
    for (let i = 0; i < 11; i++) {
      running.clock.advance(5 * MINUTE);
      await get('/read');
    }
    expect((await get('/read')).headers['session-expires']).toBe('300');
  });

  it('is in the manifest', () => {
    const entries = running.app.get(PolicyManifest).list();
    expect(entries.filter(({ passive }) => passive).map(({ path }) => path)).toEqual([
      '/dashboard',
      '/poll',
      '/poll-anyway',
    ]);
  });
});

it('says nothing of the time that is left unless it was asked to', async () => {
  const { app, http } = await startApp({ controllers: [Pages], session: { guard: 'global' } });
  const { headers } = await loginAs(app, { userId: 'alice' });
  expect((await http.get('/read').set(headers)).headers['session-expires']).toBeUndefined();
  await stopApps();
});

describe('@Passive() that nothing carries out stops the app', () => {
  afterEach(stopApps);
  const failureOf = (controller: new () => object, guard?: 'global') =>
    bootFailure(
      Test.createTestingModule({
        imports: [SessionModule.forRoot(guard ? { guard } : {})],
        controllers: [controller],
      }),
    );

  it('on a handler that takes no session', async () => {
    @Controller()
    class Contradiction {
      @Public()
      @Passive()
      @Post('x')
      x() {
        return {};
      }
    }
    const failure = await failureOf(Contradiction, 'global');
    expect(failure).toBeInstanceOf(SessionConfigurationError);
    expect(String(failure)).toMatch(/Contradiction\.x.*@Passive\(\)/);
  });

  it.each([true, false])('without a SessionGuard, on the handler: %s', async (isOnHandler) => {
    const [onHandler, onClass] = isOnHandler ? [[Passive()], []] : [[], [Passive()]];
    @Controller()
    class Unguarded {
      @Get('x')
      x() {
        return {};
      }
    }
    for (const decorate of onClass) decorate(Unguarded);
    const descriptor = Object.getOwnPropertyDescriptor(Unguarded.prototype, 'x') as PropertyDescriptor;
    for (const decorate of onHandler) decorate(Unguarded.prototype, 'x', descriptor);
    expect(String(await failureOf(Unguarded))).toMatch(/Unguarded\.x.*SessionGuard/);
  });
});

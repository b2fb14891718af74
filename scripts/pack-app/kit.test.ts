// Run by test-pack.mjs in fresh apps, compiled: by Vitest as an ES module, by Jest as CommonJS.
import 'reflect-metadata';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  type INestApplication,
  Module,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  Roles,
  SessionModule,
  SessionService,
  SessionTransport,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import {
  expectDenied,
  FakeClock,
  guardAs,
  keepSecureCookies,
  loginAs,
  SessionTestingModule,
} from '@latchkey/session/testing';
import supertest from 'supertest';

// Either runner's, as globals.
declare function describe(name: string, suite: () => void): void;
declare function it(name: string, test: () => Promise<void>): void;
declare function afterEach(after: () => Promise<void>): void;
declare function expect(value: unknown): { toEqual(expected: unknown): void; toMatch(pattern: RegExp): void };

@Controller()
class Pages {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly users: UserStateService,
  ) {}

  @Public()
  @Post('login')
  @HttpCode(200)
  async login(
    @Body() { userId }: { userId: string },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<object> {
    await this.users.ensure(userId);
    this.transport.setCookie(request, response, await this.sessions.create(userId));
    return {};
  }

  @Get('me')
  me(@CurrentUser() { id }: UserState): object {
    return { id };
  }

  @Roles('admin')
  @Get('admin')
  admin(@CurrentUser() { id }: UserState): object {
    return { id };
  }
}

@Module({
  imports: [
    SessionModule.forRoot({ redis: 'redis://127.0.0.1:1', guard: 'global', strict: true, lifetime: 'aal2' }),
  ],
  controllers: [Pages],
})
class AppModule {}

const running: INestApplication[] = [];

async function startApp(change: (builder: Builder) => Builder = (builder) => builder) {
  const clock = new FakeClock();
  const builder = SessionTestingModule.replaceIn(Test.createTestingModule({ imports: [AppModule] }), {
    clock,
  });
  const app = (await change(builder).compile()).createNestApplication();
  running.push(app);
  await app.listen(0, '127.0.0.1');
  return { app, clock, server: app.getHttpServer() as string };
}
type Builder = ReturnType<typeof Test.createTestingModule>;

afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

describe('the kit for tests', () => {
  it('logs in without a password, and says why a request is refused', async () => {
    const { app, clock, server } = await startApp();
    const { headers } = await loginAs(app, { userId: 'ada', roles: ['reader'] });
    expect((await supertest(server).get('/me').set(headers)).body).toEqual({ id: 'ada' });
    await expectDenied(supertest(server).get('/admin').set(headers), 'forbidden');
    await expectDenied(fetch(`${await app.getUrl()}/me`), 'session_missing');
    const failure = await expectDenied(supertest(server).get('/me').set(headers), 'forbidden').catch(String);
    expect(failure).toMatch(/Expected 403 forbidden, not 200/);
    clock.advance('61m');
    await expectDenied(supertest(server).get('/me').set(headers), 'session_expired');
  });

  it('keeps the cookie of an agent', async () => {
    const { server } = await startApp();
    const agent = keepSecureCookies(supertest.agent(server));
    await agent.post('/login').send({ userId: 'bob' }).expect(200);
    expect((await agent.get('/me')).body).toEqual({ id: 'bob' });
  });

  it('puts another guard in the place of ours', async () => {
    const guard = guardAs({ user: { id: 'eve' } });
    const { server } = await startApp((builder) => SessionTestingModule.replaceGuard(builder, guard));
    expect((await supertest(server).get('/admin')).body).toEqual({ id: 'eve' });
  });
});

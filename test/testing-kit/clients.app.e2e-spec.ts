import { AssertionError } from 'node:assert';
import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  CurrentSession,
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  Roles,
  type Session,
  SessionService,
  SessionTransport,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { expectDenied, keepSecureCookies, loginAs, SessionTestingModule } from '@latchkey/session/testing';
import request from 'supertest';
import { PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';

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
    @Req() req: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    await this.users.ensure(userId);
    this.transport.setCookie(req, response, await this.sessions.create(userId));
    return {};
  }
  @Post('logout')
  async logout(@CurrentSession() session: Session, @Res({ passthrough: true }) response: HttpResponse) {
    await this.sessions.revoke(session.userId, session.id, 'logout');
    this.transport.clearCookie(response);
    return {};
  }
  @Get('me')
  me(@CurrentUser() { id }: UserState) {
    return { id };
  }
  @Roles('admin')
  @Get('admin')
  admin() {
    return {};
  }
}

afterEach(stopApps);

describe.each(PLATFORMS)('keepSecureCookies on $name', (platform) => {
  let running: RunningApp;
  beforeEach(async () => {
    running = await startApp({ platform, controllers: [Pages], session: { guard: 'global' } });
  });

  it('lets an agent stay logged in over http, and log out', async () => {
    const agent = keepSecureCookies(request.agent(running.app.getHttpServer()));
    await agent.post('/login').send({ userId: 'ada' }).expect(200);
    expect((await agent.get('/me').expect(200)).body).toEqual({ id: 'ada' });
    await agent.post('/logout').expect(201);
    // The cookie was taken back: nothing is sent any more.
    await expectDenied(agent.get('/me'), 'session_missing');
    await agent.post('/login').send({ userId: 'bob' }).expect(200);
    expect((await agent.get('/me').expect(200)).body).toEqual({ id: 'bob' });
  });

  it('keeps the cookies of two agents apart', async () => {
    const [ada, bob] = ['ada', 'bob'].map(() =>
      keepSecureCookies(request.agent(running.app.getHttpServer())),
    );
    await ada?.post('/login').send({ userId: 'ada' });
    await bob?.post('/login').send({ userId: 'bob' });
    expect((await ada?.get('/me'))?.body).toEqual({ id: 'ada' });
    expect((await bob?.get('/me'))?.body).toEqual({ id: 'bob' });
  });
});

describe('expectDenied', () => {
  const session = { guard: 'global' } as const;

  it('takes replies of fetch, of supertest and of inject, and promises of them', async () => {
    const { app, http } = await startApp({ controllers: [Pages], session });
    const url = await app.getUrl();
    const { headers } = await loginAs(app, { userId: 'ada' });
    await expectDenied(fetch(`${url}/me`), 'session_missing');
    await expectDenied(await fetch(`${url}/admin`, { headers }), 'forbidden');
    await expectDenied(http.get('/me'), 'session_missing');
    await expectDenied(await http.get('/admin').set(headers), 'forbidden');
    await app.get(UserStateService).block('ada', { reason: 'spam' });
    expect(await expectDenied(http.get('/me').set(headers), 'user_blocked')).toMatchObject({
      status: 403,
      block: { reason: 'spam' },
    });

    const testing = await Test.createTestingModule({
      imports: [SessionTestingModule.forRoot(session)],
      controllers: [Pages],
    }).compile();
    const fastify = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    await fastify.init();
    await expectDenied(fastify.inject('/me'), 'session_missing');
    await fastify.close();
  });

  it('fails, and says what came, for any other reply', async () => {
    const { app, http } = await startApp({ controllers: [Pages], session });
    const { headers } = await loginAs(app, { userId: 'ada' });
    const failure = (reply: Promise<unknown>) => reply.then(() => undefined).catch((error: unknown) => error);

    const other = await failure(expectDenied(http.get('/me'), 'session_expired'));
    expect(other).toBeInstanceOf(AssertionError);
    expect(String(other)).toContain('Expected 401 session_expired, not 401');
    expect(String(other)).toContain('session_missing');
    const none = await failure(expectDenied(http.get('/me').set(headers), 'forbidden'));
    expect(String(none)).toContain('Expected 403 forbidden, not 200 {"id":"ada"}');
    // A status alone is no denial of ours.
    for (const body of [undefined, 'forbidden', { code: 'forbidden ' }, null, { message: 'Forbidden' }])
      expect(await failure(expectDenied({ status: 403, body }, 'forbidden'))).toBeInstanceOf(AssertionError);
    expect(
      await failure(expectDenied({ status: 401, body: { code: 'forbidden' } }, 'forbidden')),
    ).toBeInstanceOf(AssertionError);
  });
});

import {
  Controller,
  Get,
  HttpCode,
  Injectable,
  Post,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import {
  CurrentSession,
  CurrentUser,
  Roles,
  SessionGuard,
  SessionService,
  SessionTransport,
  UserStateService,
  type HttpRequest,
  type HttpResponse,
  type Session,
  type UserState,
} from '@latchkey/session';
import { SessionPassportModule, type LatchkeyUser } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import expressSession from 'express-session';
import type { NestExpressApplication } from '@nestjs/platform-express';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

interface Verified {
  readonly userId: string;
  readonly epoch: number;
}

/** Stands for an app's password check: what happens meanwhile, a test decides. */
class Passwords {
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  async verify(password: string): Promise<boolean> {
    await this.meanwhile();
    return password === 'right';
  }
}

@Injectable()
class LocalStrategy extends PassportStrategy(Strategy) {
  constructor(
    private readonly users: UserStateService,
    private readonly passwords: Passwords,
  ) {
    super();
  }

  async validate(username: string, password: string): Promise<Verified> {
    const { epoch } = await this.users.ensure(username); // read before the password is verified
    if (!(await this.passwords.verify(password))) throw new UnauthorizedException();
    return { userId: username, epoch };
  }
}

@Controller('auth')
class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  @UseGuards(AuthGuard('local'))
  @HttpCode(200)
  @Post('login')
  async login(
    @Req() request: HttpRequest & { user: Verified },
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const { userId, epoch } = request.user;
    const issued = await this.sessions.create(userId, {
      ifEpoch: epoch,
      device: this.transport.deviceOf(request),
    });
    this.transport.setCookie(request, response, issued);
    return { session: issued.session };
  }
}

@Controller('things')
class ThingsController {
  @UseGuards(AuthGuard('latchkey'))
  @Get()
  read(
    @Req() request: { user: LatchkeyUser },
    @CurrentUser() user: UserState,
    @CurrentSession() session: Session,
  ) {
    return { onRequest: [request.user.id, request.user.session.id], injected: [user.id, session.id] };
  }

  @UseGuards(AuthGuard('latchkey'))
  @Post()
  write() {
    return {};
  }

  @UseGuards(AuthGuard('latchkey'), SessionGuard)
  @Get('both')
  both(@CurrentUser() user: UserState) {
    return { user: user.id };
  }

  @UseGuards(AuthGuard('latchkey'), SessionGuard)
  @Roles('admin')
  @Get('roles')
  roles() {
    return {};
  }

  @UseGuards(AuthGuard('session'))
  @Get('of-passport')
  ofPassport() {
    return {};
  }
}

const controllers = [AuthController, ThingsController];
const withPassport = { imports: [SessionPassportModule], providers: [LocalStrategy, Passwords] };

describe.each(PLATFORMS)("AuthGuard('latchkey') on $name", (platform) => {
  let running: RunningApp;
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    running.http.get(path).set(headers);

  beforeAll(async () => {
    running = await startApp({ platform, controllers, module: withPassport });
  });
  afterAll(stopApps);

  it('lets a session in, by bearer token and by cookie', async () => {
    const { session, headers, cookie } = await loginAs(running.app, { userId: 'alice' });
    const expected = { onRequest: ['alice', session.id], injected: ['alice', session.id] };
    expect((await get('/things', headers)).body).toEqual(expected);
    expect((await get('/things', { cookie })).body).toEqual(expected);
  });

  it('denies with the codes of SessionGuard', async () => {
    const sessions = running.app.get(SessionService);
    const missing = await get('/things');
    expect(missing.body).toMatchObject({ status: 401, code: 'session_missing' });
    expect(missing.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="session"');
    expect((await get('/things', { authorization: 'Bearer junk' })).body.code).toBe('session_invalid');

    const alice = await loginAs(running.app, { userId: 'alice' });
    const both = { cookie: alice.cookie, authorization: alice.authorization };
    expect((await get('/things', both)).body).toMatchObject({ status: 400, code: 'ambiguous_credentials' });
    const forged = running.http.post('/things').set({ cookie: alice.cookie, 'sec-fetch-site': 'cross-site' });
    expect((await forged).body).toMatchObject({ status: 403, code: 'cross_origin' });
    await sessions.revoke('alice', alice.session.id);
    expect((await get('/things', alice.headers)).body.code).toBe('session_revoked');

    const bob = await loginAs(running.app, { userId: 'bob' });
    await running.app.get(UserStateService).block('bob', { reason: 'spam' });
    expect((await get('/things', bob.headers)).body).toMatchObject({
      code: 'user_blocked',
      block: { reason: 'spam' },
    });
  });

  it('has SessionGuard beside it for roles, and authenticates once where that demands nothing more', async () => {
    const { headers } = await loginAs(running.app, { userId: 'carl', roles: ['member'] });
    running.calls.length = 0;
    expect((await get('/things/both', headers)).body).toEqual({ user: 'carl' });
    expect(running.calls).toEqual(['authenticate']);
    expect((await get('/things/roles', headers)).body.code).toBe('forbidden');
  });
});

describe.each(PLATFORMS)("a login through Passport's local strategy on $name", (platform) => {
  let running: RunningApp;
  const login = (username: string, password: string) =>
    running.http.post('/auth/login').send({ username, password });

  beforeEach(async () => {
    running = await startApp({ platform, controllers, module: withPassport });
  });
  afterEach(stopApps);

  it('ends in a session', async () => {
    const reply = await login('alice', 'right');
    expect(reply.status).toBe(200);
    const cookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
    expect((await running.http.get('/things').set('Cookie', cookie)).body.injected).toEqual([
      'alice',
      reply.body.session.id,
    ]);
  });

  it('ends in none with a wrong password', async () => {
    const reply = await login('alice', 'wrong');
    expect(reply.status).toBe(401);
    expect(reply.headers['set-cookie']).toBeUndefined();
  });

  it.each<[string, (users: UserStateService, sessions: SessionService) => Promise<unknown>]>([
    ['everything was logged out', (_, sessions) => sessions.revokeAll('alice')],
    [
      'the user was blocked and unblocked',
      async (users) => {
        await users.block('alice', { reason: 'mistaken' });
        await users.unblock('alice');
      },
    ],
  ])('ends in none when %s while the password was checked', async (_, act) => {
    const { app } = running;
    app.get(Passwords).meanwhile = () => act(app.get(UserStateService), app.get(SessionService));
    const reply = await login('alice', 'right');
    expect(reply.body).toMatchObject({ status: 409, code: 'epoch_changed' });
    expect(reply.headers['set-cookie']).toBeUndefined();
    expect(await app.get(SessionService).list('alice')).toEqual([]);
  });
});

describe("beside express-session and passport.session(), whose strategy is called 'session'", () => {
  let running: RunningApp;

  beforeAll(async () => {
    passport.serializeUser((user, done) => done(null, user));
    passport.deserializeUser((user: Express.User, done) => done(null, user));
    running = await startApp({
      controllers,
      module: withPassport,
      prepare: (app) => {
        const express = app as NestExpressApplication;
        express.use(expressSession({ secret: 'for this test', resave: false, saveUninitialized: false }));
        express.use(passport.initialize());
        express.use(passport.session());
        express.use('/passport-login', (request: Express.Request, response: { end(): void }) => {
          request.logIn({ id: 'of passport' }, () => response.end());
        });
      },
    });
  });
  afterAll(stopApps);

  it("is not Passport's own, which lets anybody through", async () => {
    expect((await running.http.get('/things/of-passport')).status).toBe(200); // the trap: anonymous
    expect((await running.http.get('/things')).body.code).toBe('session_missing');
  });

  it('takes no session of Passport for one of ours, and is not confused by one', async () => {
    const reply = await running.http.post('/passport-login');
    const passportCookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
    expect(passportCookie).toMatch(/^connect\.sid=/);
    expect((await running.http.get('/things').set('Cookie', passportCookie)).body.code).toBe(
      'session_missing',
    );

    const { session, cookie } = await loginAs(running.app, { userId: 'alice' });
    const both = await running.http.get('/things').set('Cookie', `${passportCookie}; ${cookie}`);
    expect(both.body.onRequest).toEqual(['alice', session.id]);
  });
});

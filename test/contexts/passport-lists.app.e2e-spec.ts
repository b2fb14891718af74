import type { IncomingHttpHeaders } from 'node:http';
import { Controller, type ExecutionContext, Get, Injectable, Post, Req, UseGuards } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Context, GqlExecutionContext, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import {
  AllowGuests,
  CurrentSession,
  CurrentUser,
  Passive,
  Roles,
  SessionGuard,
  SessionService,
  UserStateService,
  type Session,
  type UserState,
} from '@latchkey/session';
import { type LatchkeyRequest, type LatchkeyUser, SessionPassportModule } from '@latchkey/session/passport';
import { expectDenied, loginAs } from '@latchkey/session/testing';
import passport from 'passport';
import { PLATFORMS, type RunningApp, startApp, stopApps } from '../support/library-app.js';

interface Request {
  readonly headers: IncomingHttpHeaders;
}

/** Fails as `passport-jwt` does where there is no JWT, or none that is right. */
class JwtLike extends passport.Strategy {
  constructor(
    private readonly verify: (name: string, done: (error: unknown, user: unknown) => void) => void,
  ) {
    super();
  }

  override authenticate({ headers }: Request): void {
    const [, name] = /^Bearer jwt\.(\w+)$/.exec(headers['authorization'] ?? '') ?? [];
    if (name === undefined) return this.fail(new Error('No auth token'));
    this.verify(name, (error, user) => (error ? this.error(error) : this.success(user as object)));
  }
}

@Injectable()
class JwtStrategy extends PassportStrategy(JwtLike, 'jwt') {
  validate(name: string): { userId: string } {
    return { userId: name };
  }
}

/** Lets everybody in, as `passport-anonymous` nearly does. */
class Everybody extends passport.Strategy {
  override authenticate(): void {
    this.success({ userId: 'somebody' });
  }
}

@Injectable()
class EverybodyStrategy extends PassportStrategy(Everybody, 'everybody') {
  validate(): void {}
}

/** As Nest's documents show one. */
class OrNobody extends AuthGuard('latchkey') {
  override handleRequest<User>(_error: unknown, user: User | false): User {
    return (user || null) as User;
  }
}
class Rewritten extends AuthGuard('latchkey') {
  override handleRequest<User>(error: unknown, user: User | false): User {
    if (error) throw error;
    return super.handleRequest(error, user, undefined, undefined as never);
  }
}

const seen = (request: { user?: object | null }, user?: UserState, session?: Session) => ({
  onRequest: request.user ?? null,
  user: user?.id ?? null,
  session: session?.id ?? null,
});

@Controller()
class Controllers {
  @UseGuards(AuthGuard(['latchkey', 'jwt']))
  @Get('ours-first')
  oursFirst(@Req() request: object, @CurrentUser() user?: UserState, @CurrentSession() session?: Session) {
    return seen(request, user, session);
  }
  @UseGuards(AuthGuard(['jwt', 'latchkey']))
  @Get('ours-last')
  oursLast(@Req() request: object, @CurrentUser() user?: UserState, @CurrentSession() session?: Session) {
    return seen(request, user, session);
  }
  @UseGuards(AuthGuard(['jwt', 'latchkey']))
  @Post('ours-last')
  write() {
    return {};
  }
  @UseGuards(AuthGuard(['jwt', 'latchkey']), SessionGuard)
  @Roles('admin')
  @Get('roles')
  roles() {
    return {};
  }
  @UseGuards(AuthGuard(['latchkey', 'everybody']))
  @Get('everybody')
  everybody(@Req() { user }: { user: object }) {
    return user;
  }
  @UseGuards(AuthGuard('jwt'))
  @Get('theirs')
  theirs(@CurrentUser() user?: UserState) {
    return { user: user?.id ?? null };
  }
  @UseGuards(OrNobody)
  @Get('or-nobody')
  orNobody(@Req() request: object, @CurrentUser() user?: UserState, @CurrentSession() session?: Session) {
    return seen(request, user, session);
  }
  @UseGuards(Rewritten)
  @Get('rewritten')
  rewritten() {
    return {};
  }
  @UseGuards(AuthGuard('latchkey'), SessionGuard)
  @Passive()
  @Get('poll')
  poll(@CurrentSession() { lastSeenAt }: Session) {
    return { lastSeenAt };
  }
}

describe.each(PLATFORMS)("AuthGuard(['latchkey', 'jwt']) on $name", (platform) => {
  let running: RunningApp;
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    running.http.get(path).set(headers);
  const jwt = { authorization: 'Bearer jwt.joe' };

  beforeAll(async () => {
    const module = { imports: [SessionPassportModule], providers: [JwtStrategy, EverybodyStrategy] };
    running = await startApp({ platform, controllers: [Controllers], module });
  });
  afterAll(stopApps);

  it.each(['/ours-first', '/ours-last'])(
    'lets a session in, and a JWT as no user of ours: %s',
    async (path) => {
      const { session, headers, cookie } = await loginAs(running.app, { userId: 'alice' });
      for (const sent of [headers, { cookie }]) {
        const { body } = await get(path, sent);
        expect(body).toMatchObject({ onRequest: { id: 'alice' }, user: 'alice', session: session.id });
      }
      expect((await get(path, jwt)).body).toEqual({
        onRequest: { userId: 'joe' },
        user: null,
        session: null,
      });
    },
  );

  it.each(['/ours-first', '/ours-last'])('denies with our codes what no strategy knows: %s', async (path) => {
    const nothing = await get(path);
    expect([nothing.status, nothing.body.code]).toEqual([401, 'session_missing']);
    expect(nothing.headers['www-authenticate']).toBe('Bearer realm="session"');
    expect((await get(path, { authorization: 'Bearer eyJ.a.b' })).body.code).toBe('session_invalid');
    const { session, headers, cookie } = await loginAs(running.app, { userId: 'bob' });
    await running.app.get(SessionService).revoke('bob', session.id);
    expect((await get(path, headers)).body.code).toBe('session_revoked');
    // Both at once: nobody can tell who it is, whatever order the list has.
    const both = await get('/ours-first', { cookie, ...jwt });
    expect([both.status, both.body.code]).toEqual([400, 'ambiguous_credentials']);
  });

  it('leaves no header of a failure on what another strategy lets in', async () => {
    const reply = await get('/ours-first', jwt);
    expect(reply.status).toBe(200);
    expect(reply.headers).not.toHaveProperty('www-authenticate');
    expect(reply.headers).not.toHaveProperty('cache-control');
  });

  it('leaves to the next strategy only what is no token of ours', async () => {
    const { users, sessions } = {
      users: running.app.get(UserStateService),
      sessions: running.app.get(SessionService),
    };
    const somebody = { userId: 'somebody' };
    expect((await get('/everybody')).body).toEqual(somebody);
    expect((await get('/everybody', { authorization: 'Bearer of-another' })).body).toEqual(somebody);
    const carl = await loginAs(running.app, { userId: 'carl' });
    const wrong = { authorization: `${carl.authorization.slice(0, -10)}aaaaaaaaaa` };
    expect((await get('/everybody', wrong)).body.code).toBe('session_invalid');
    await users.block('carl', { reason: 'spam' });
    expect((await get('/everybody', carl.headers)).body.code).toBe('user_blocked');
    await sessions.revokeAll('carl');
    await users.unblock('carl');
    expect((await get('/everybody', carl.headers)).body.code).toBe('session_revoked');
  });

  it('keeps the cross-origin rule', async () => {
    const { cookie } = await loginAs(running.app, { userId: 'alice' });
    const forged = await running.http.post('/ours-last').set({ cookie, 'sec-fetch-site': 'cross-site' });
    expect([forged.status, forged.body.code]).toEqual([403, 'cross_origin']);
  });

  it('gives a JWT no role of ours: SessionGuard behind it asks for a session', async () => {
    expect((await get('/roles', jwt)).body.code).toBe('session_invalid');
    const { headers } = await loginAs(running.app, { userId: 'root', roles: ['admin'] });
    expect((await get('/roles', headers)).status).toBe(200);
    const { headers: plain } = await loginAs(running.app, { userId: 'alice' });
    expect((await get('/roles', plain)).body.code).toBe('forbidden');
  });

  it('still refuses @CurrentUser() where only another strategy stands', async () => {
    expect((await get('/theirs', jwt)).status).toBe(500);
  });

  it('lets guards of the app say what a failure is', async () => {
    expect((await get('/or-nobody')).body).toEqual({ onRequest: null, user: null, session: null });
    expect((await get('/rewritten')).body.code).toBe('session_missing');
  });

  it('counts no request to a @Passive() handler as activity, also where it stands before SessionGuard', async () => {
    const { headers } = await loginAs(running.app, { userId: 'pat' });
    const first = (await get('/poll', headers)).body.lastSeenAt as number;
    running.clock.advance('10m');
    expect((await get('/poll', headers)).body.lastSeenAt).toBe(first);
    expect((await running.app.get(SessionService).list('pat'))[0]?.lastSeenAt).toBe(first);
  });
});

describe.each(PLATFORMS)('toRequestUser on $name', (platform) => {
  @Controller()
  class Old {
    @UseGuards(AuthGuard('latchkey'))
    @Get('strategy')
    strategy(@Req() { user }: { user: object }, @CurrentUser() current: UserState) {
      return { user, current: current.id };
    }
    @UseGuards(AuthGuard('latchkey'), SessionGuard)
    @Roles('member')
    @Get('both')
    both(@Req() { user }: { user: object }) {
      return { user };
    }
    @UseGuards(SessionGuard, AuthGuard('latchkey'))
    @Get('guard-first')
    guardFirst(@Req() { user }: { user: object }) {
      return { user };
    }
    @UseGuards(SessionGuard)
    @Get('guard')
    guard(@Req() { user }: { user: LatchkeyUser }) {
      return { user: user.id };
    }
  }
  afterEach(stopApps);

  it('is what handlers find on request.user, behind SessionGuard, too', async () => {
    const passportModule = SessionPassportModule.forRootAsync({
      useFactory: () => ({
        toRequestUser: async ({ user, session }) => ({ userId: user.id, sid: session.id, roles: user.roles }),
      }),
    });
    const running = await startApp({ platform, controllers: [Old], module: { imports: [passportModule] } });
    const { headers, session } = await loginAs(running.app, { userId: 'alice', roles: ['member'] });
    const old = { userId: 'alice', sid: session.id, roles: ['member'] };
    const get = async (path: string) => (await running.http.get(path).set(headers)).body as object;
    expect(await get('/strategy')).toEqual({ user: old, current: 'alice' });
    expect(await get('/both')).toEqual({ user: old });
    expect(await get('/guard-first')).toEqual({ user: old });
    expect(await get('/guard')).toEqual({ user: 'alice' });
  });

  it('refuses whom the app does not know', async () => {
    const toRequestUser = (() => null) as unknown as () => object;
    const imports = [SessionPassportModule.forRoot({ toRequestUser })];
    const running = await startApp({ platform, controllers: [Old], module: { imports } });
    const { headers } = await loginAs(running.app, { userId: 'alice' });
    expect((await running.http.get('/strategy').set(headers)).body.code).toBe('forbidden');
  });

  it('stops the app when it is no function, or has another name', async () => {
    const boot = (options: object) =>
      startApp({
        platform,
        controllers: [Old],
        module: { imports: [SessionPassportModule.forRoot(options)] },
      });
    await expect(boot({ toRequestUser: 'userId' })).rejects.toThrow('toRequestUser must be a function');
    await expect(boot({ torequestuser: () => ({}) })).rejects.toThrow('did you mean');
  });
});

describe('AuthGuard() with a default strategy', () => {
  @Controller()
  class Things {
    @UseGuards(AuthGuard())
    @Get()
    get(@CurrentUser() user?: UserState) {
      return { user: user?.id ?? null };
    }
  }
  afterEach(stopApps);

  it.each([
    ['latchkey', { status: 200, body: { user: 'alice' } }, { status: 401, code: 'session_invalid' }],
    [['jwt', 'latchkey'], { status: 200, body: { user: 'alice' } }, { status: 200, body: { user: null } }],
    ['jwt', { status: 401 }, { status: 500 }],
  ])('is ours where %s is', async (defaultStrategy, ofSession, ofJwt) => {
    const module = {
      imports: [SessionPassportModule, PassportModule.register({ defaultStrategy })],
      providers: [JwtStrategy],
    };
    const running = await startApp({ controllers: [Things], module });
    const { headers } = await loginAs(running.app, { userId: 'alice' });
    const reply = await running.http.get('/').set(headers);
    expect({ status: reply.status, body: reply.body as object }).toMatchObject(ofSession);
    const other = await running.http.get('/').set({ authorization: 'Bearer jwt.joe' });
    expect({ status: other.status, body: other.body as object, code: other.body.code }).toMatchObject(ofJwt);
  });
});

describe('a guest', () => {
  @Controller()
  class Carts {
    @UseGuards(SessionGuard, AuthGuard('latchkey'))
    @AllowGuests()
    @Get('strategy')
    strategy() {
      return {};
    }
    @UseGuards(AuthGuard(['latchkey', 'everybody']))
    @Get('everybody')
    everybody(@Req() { user }: { user: object }, @CurrentSession() session?: Session) {
      return { user, session: session?.id ?? null };
    }
    @UseGuards(SessionGuard)
    @AllowGuests()
    @Post('log-out')
    async logOut(@Req() request: LatchkeyRequest) {
      await request.logOut();
    }
  }
  afterEach(stopApps);

  it('is nobody to the strategy, also behind a guard that let it in, and may log out', async () => {
    const module = { imports: [SessionPassportModule], providers: [EverybodyStrategy] };
    const running = await startApp({ controllers: [Carts], module, session: { guests: true } });
    const { token } = await running.app.get(SessionService).createGuest();
    const sent = { authorization: `Bearer ${token}` };
    await expectDenied(running.http.get('/strategy').set(sent), 'session_missing');
    const { body } = await running.http.get('/everybody').set(sent);
    expect(body).toEqual({ user: { userId: 'somebody' }, session: null });
    expect((await running.http.post('/log-out').set(sent)).status).toBe(201);
    await expectDenied(running.http.post('/log-out').set(sent), 'session_revoked');
  });
});

describe("AuthGuard('latchkey') before a resolver", () => {
  class GqlAuthGuard extends AuthGuard('latchkey') {
    override getRequest(context: ExecutionContext): unknown {
      return GqlExecutionContext.create(context).getContext<{ req: unknown }>().req;
    }
  }
  @Resolver()
  class Things {
    @UseGuards(GqlAuthGuard)
    @Query(() => String)
    me(@Context('req') { user }: LatchkeyRequest) {
      return user.id;
    }
  }
  afterEach(stopApps);

  it('lets a session in, and says why it refuses', async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true });
    const module = { imports: [SessionPassportModule, graphql], providers: [Things] };
    const { app, http } = await startApp({ controllers: [], module });
    const ask = (headers: Readonly<Record<string, string>> = {}) =>
      http.post('/graphql').set(headers).send({ query: '{ me }' });
    const { headers } = await loginAs(app, { userId: 'alice' });
    expect((await ask(headers)).body).toEqual({ data: { me: 'alice' } });
    await expectDenied(ask(), 'session_missing');
    await app.get(UserStateService).block('alice', { reason: 'spam' });
    await expectDenied(ask(headers), 'user_blocked');
  });
});

import { Controller, Get, Post, UseGuards, type ExecutionContext } from '@nestjs/common';
import {
  AllowExpired,
  Assurance,
  CurrentSession,
  CurrentUser,
  Fresh,
  OptionalSession,
  Permissions,
  Public,
  Roles,
  SessionGuard,
  SessionService,
  UserStateService,
  type Session,
  type UserState,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

@UseGuards(SessionGuard)
@Roles('member')
@Controller('class')
class GuardedClass {
  @Get('inherits')
  inherits(@CurrentUser() user: UserState, @CurrentSession() session: Session) {
    return { user: user.id, roles: user.roles, session: session.id };
  }

  @Roles('moderator', 'admin')
  @Get('replaces')
  replaces() {
    return {};
  }

  @Permissions('post:write', 'post:delete')
  @Get('permissions')
  permissions() {
    return {};
  }

  @Public()
  @Get('public')
  public(@CurrentUser() user?: UserState) {
    return { user: user?.id ?? null };
  }

  @OptionalSession()
  @Get('optional')
  optional(@CurrentUser() user?: UserState, @CurrentSession() session?: Session) {
    return { user: user?.id ?? null, session: session?.id ?? null };
  }
}

@Controller('handler')
class GuardedHandlers {
  @UseGuards(SessionGuard)
  @Get('guarded')
  guarded() {
    return {};
  }

  @UseGuards(SessionGuard)
  @Fresh('10m')
  @Get('fresh')
  fresh() {
    return {};
  }

  @UseGuards(SessionGuard)
  @Assurance('aal2')
  @Get('assured')
  assured() {
    return {};
  }

  @UseGuards(SessionGuard)
  @AllowExpired()
  @Post('logout')
  async logout(@CurrentSession() session: Session) {
    return { session: session.id };
  }

  @Get('open')
  open() {
    return {};
  }

  @Get('unguarded-user')
  unguardedUser(@CurrentUser() user?: UserState) {
    return { user: user?.id ?? null };
  }
}

const PERMISSIONS = { writer: ['post:write'], moderator: ['post:write', 'post:delete'] };

describe.each(PLATFORMS)('SessionGuard where it is used, on $name', (platform) => {
  let running: RunningApp;
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    running.http.get(path).set(headers);
  const login = (userId: string, roles: string[], more = {}) =>
    loginAs(running.app, { userId, roles, ...more });

  beforeAll(async () => {
    running = await startApp({
      platform,
      controllers: [GuardedClass, GuardedHandlers],
      session: { permissions: PERMISSIONS },
    });
  });
  afterAll(stopApps);

  it('lets a session in, by bearer token and by cookie, and hands it to the handler', async () => {
    const { session, headers, cookie } = await login('alice', ['member']);
    const expected = { user: 'alice', roles: ['member'], session: session.id };
    expect((await get('/class/inherits', headers)).body).toEqual(expected);
    expect((await get('/class/inherits', { cookie })).body).toEqual(expected);
    expect((await get('/handler/guarded', headers)).status).toBe(200);
  });

  it('refuses without a session, and leaves alone what is not guarded', async () => {
    for (const path of ['/class/inherits', '/class/replaces', '/handler/guarded']) {
      const refused = await get(path);
      expect(refused.status).toBe(401);
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(refused.headers['cache-control']).toBe('no-store');
      expect(refused.headers['www-authenticate']).toBe('Bearer realm="session"');
      expect(refused.body).toEqual({
        type: 'urn:problem-type:latchkey:session_missing',
        title: 'Authentication is required',
        status: 401,
        detail: 'Authentication is required',
        code: 'session_missing',
      });
    }
    expect((await get('/handler/open')).status).toBe(200);
    expect((await running.http.head('/class/inherits')).status).toBe(401);
  });

  it('takes the roles of the class, unless the handler has its own', async () => {
    const member = await login('member', ['member']);
    const moderator = await login('moderator', ['moderator']);
    expect((await get('/class/inherits', moderator.headers)).body).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect((await get('/class/replaces', member.headers)).body).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect((await get('/class/inherits', member.headers)).status).toBe(200);
    expect((await get('/class/replaces', moderator.headers)).status).toBe(200);
  });

  it("demands all permissions, and the class's roles beside them", async () => {
    const status = async (roles: string[]) =>
      (await get('/class/permissions', (await login('p', roles)).headers)).status;
    expect(await status(['member', 'writer'])).toBe(403);
    expect(await status(['moderator'])).toBe(403);
    expect(await status(['member', 'moderator'])).toBe(200);
  });

  it('decides by the roles of this moment', async () => {
    const { headers } = await login('dora', ['member']);
    await running.app.get(UserStateService).setRoles('dora', []);
    expect((await get('/class/inherits', headers)).status).toBe(403);
    await running.app.get(UserStateService).grant('dora', 'member');
    expect((await get('/class/inherits', headers)).status).toBe(200);
  });

  it('demands a fresh login where asked, and says how fresh', async () => {
    const { headers } = await login('fred', []);
    running.clock.advance('9m');
    expect((await get('/handler/fresh', headers)).status).toBe(200);
    running.clock.advance('2m');
    const refused = await get('/handler/fresh', headers);
    expect(refused.body).toMatchObject({ status: 401, code: 'reauthentication_required' });
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_user_authentication"');
    expect(refused.headers['www-authenticate']).toContain('max_age="600"');
    expect((await get('/handler/guarded', headers)).status).toBe(200);
  });

  it('demands an assurance where asked', async () => {
    const low = await login('ann', []);
    const high = await login('ann', [], { assurance: 'aal3' });
    expect((await get('/handler/assured', low.headers)).body.code).toBe('reauthentication_required');
    expect((await get('/handler/assured', high.headers)).status).toBe(200);
  });

  it('tells blocked, revoked and expired apart, and a wrong token from none of them', async () => {
    const users = running.app.get(UserStateService);
    const sessions = running.app.get(SessionService);
    const code = async (headers: Readonly<Record<string, string>>) =>
      (await get('/handler/guarded', headers)).body.code;

    const revoked = await login('rita', []);
    await sessions.revoke('rita', revoked.session.id);
    expect(await code(revoked.headers)).toBe('session_revoked');
    expect(await code({ authorization: `Bearer ${revoked.token.slice(0, -6)}AAAAAA` })).toBe(
      'session_invalid',
    );

    const expired = await login('edda', []);
    running.clock.advance('61m');
    expect(await code(expired.headers)).toBe('session_expired');
    expect((await running.http.post('/handler/logout').set(expired.headers)).body).toEqual({
      session: expired.session.id,
    });

    const blocked = await login('bodo', []);
    await users.block('bodo', { reason: 'spam', until: Date.UTC(2030, 0, 1), by: 'mia' });
    const refused = await get('/handler/guarded', blocked.headers);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      code: 'user_blocked',
      block: { reason: 'spam', until: '2030-01-01T00:00:00.000Z' },
    });
    expect(refused.text).not.toContain('mia');
    expect((await running.http.post('/handler/logout').set(blocked.headers)).body.code).toBe('user_blocked');
  });

  it('does not look at sessions on a public handler of a guarded class', async () => {
    const { headers } = await login('paul', ['member']);
    running.calls.length = 0;
    expect((await get('/class/public', headers)).body).toEqual({ user: null });
    expect(running.calls).toEqual([]);
  });

  it('takes nobody for nobody on an optional handler, but not a blocked user', async () => {
    const sessions = running.app.get(SessionService);
    const users = running.app.get(UserStateService);
    const nobody = { user: null, session: null };
    const known = await login('otto', []);
    expect((await get('/class/optional', known.headers)).body).toEqual({
      user: 'otto',
      session: known.session.id,
    });
    expect((await get('/class/optional')).body).toEqual(nobody);
    expect((await get('/class/optional', { authorization: 'Bearer junk' })).body).toEqual(nobody);
    await sessions.revoke('otto', known.session.id);
    expect((await get('/class/optional', known.headers)).body).toEqual(nobody);
    const expired = await login('otto', []);
    running.clock.advance('61m');
    expect((await get('/class/optional', expired.headers)).body).toEqual(nobody);
    const blocked = await login('otto', []);
    await users.block('otto', { reason: 'spam' });
    expect((await get('/class/optional', blocked.headers)).body).toMatchObject({
      status: 403,
      code: 'user_blocked',
    });
  });

  it('does not let a handler take a request that no guard has seen for an anonymous one', async () => {
    const { headers } = await login('nora', []);
    expect((await get('/handler/unguarded-user', headers)).status).toBe(500);
  });

  it('refuses whatever is not HTTP', () => {
    const guard = running.app.get(SessionGuard);
    for (const type of ['ws', 'rpc', 'graphql']) {
      const context = {
        getType: () => type,
        getHandler: () => Object.getOwnPropertyDescriptor(GuardedHandlers.prototype, 'open')?.value,
        getClass: () => GuardedHandlers,
        getArgs: () => [{}],
        getArgByIndex: () => ({}), // a client that no SessionWsAdapter has checked a message of
      } as unknown as ExecutionContext;
      expect(() => guard.canActivate(context)).toThrow(expect.objectContaining({ code: 'forbidden' }));
    }
  });
});

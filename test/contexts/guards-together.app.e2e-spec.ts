import {
  type CanActivate,
  Controller,
  Get,
  Injectable,
  Req,
  Res,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  AllowExpired,
  CurrentUser,
  EventStreams,
  type HttpRequest,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionData,
  SessionGuard,
  SessionService,
  type StreamableResponse,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type Platform, type RunningApp } from '../support/library-app.js';

@Injectable()
class OwnGuard extends SessionGuard {}

const Passport = AuthGuard('latchkey') as Type<CanActivate>;

const ORDERS: Readonly<Record<string, readonly Type<CanActivate>[]>> = {
  'AuthGuard, SessionGuard': [Passport, SessionGuard],
  'SessionGuard, AuthGuard': [SessionGuard, Passport],
  'AuthGuard, SessionGuard, AuthGuard': [Passport, SessionGuard, Passport],
  'SessionGuard twice': [SessionGuard, SessionGuard],
  'SessionGuard and a subclass': [SessionGuard, OwnGuard],
  'a subclass and AuthGuard': [OwnGuard, Passport],
};

const quota = (by: 'user' | 'session' | 'ip' | 'fn') =>
  RateLimit({ name: by, quota: 3, window: '1h', by: by === 'fn' ? () => 'all' : by });

function controllerBehind(guards: readonly Type<CanActivate>[], where: 'class' | 'handler' | 'both'): Type {
  const onClass = where === 'handler' ? [] : where === 'class' ? guards : guards.slice(0, 1);
  const onHandler = where === 'class' ? [] : where === 'handler' ? guards : guards.slice(1);
  const Guards = () => UseGuards(...onHandler);

  @UseGuards(...onClass)
  @Controller()
  class Behind {
    constructor(private readonly streams: EventStreams) {}

    @Guards()
    @quota('user')
    @Get('user')
    user(@CurrentUser() user: UserState) {
      return { user: user.id };
    }

    @Guards()
    @quota('session')
    @Get('session')
    session() {
      return {};
    }

    @Guards()
    @quota('ip')
    @Get('ip')
    ip() {
      return {};
    }

    @Guards()
    @quota('fn')
    @Get('fn')
    fn() {
      return {};
    }

    @Guards()
    @quota('user')
    @quota('ip')
    @Roles('admin')
    @Get('all')
    all() {
      return {};
    }

    @Guards()
    @OptionalSession()
    @quota('ip')
    @Get('optional')
    optional() {
      return {};
    }

    @Guards()
    @Public()
    @quota('ip')
    @Get('public')
    public(@CurrentUser() user?: UserState) {
      return { user: user?.id ?? null };
    }

    @Guards()
    @Roles('admin')
    @Get('admin')
    admin(@SessionData() data: unknown, @Req() request: { user: { id: string } }) {
      return { data, user: request.user.id };
    }

    @Guards()
    @Roles('admin')
    @Get('stream')
    async stream(@Req() request: HttpRequest, @Res() response: StreamableResponse) {
      const stream = await this.streams.open(request, response);
      stream.send('hello', {});
    }

    @Guards()
    @AllowExpired()
    @Get('expired')
    expired() {
      return {};
    }
  }
  return Behind;
}

const cases = Object.keys(ORDERS).flatMap((order) =>
  (['class', 'handler', 'both'] as const).flatMap((where) =>
    (['global', undefined] as const).map((guard) => [order, where, guard] as const),
  ),
);

describe.each(PLATFORMS)('guards that stand together, on $name', (platform: Platform) => {
  describe.each(cases)('%s, on %s, with guard: %s', (order, where, guard) => {
    const guards = ORDERS[order] ?? [];
    const isPassported = guards.includes(Passport);
    let running: RunningApp;
    let headers: Readonly<Record<string, string>>;

    beforeAll(async () => {
      running = await startApp({
        platform,
        controllers: [controllerBehind(guards, where)],
        session: { ...(guard && { guard }), lifetime: 'aal2' },
        module: { imports: [SessionPassportModule] },
      });
      ({ headers } = await loginAs(running.app, { userId: 'ada', roles: ['admin'] }));
    });
    afterAll(stopApps);

    it.each(['user', 'session', 'ip', 'fn', 'all', 'optional', 'public'])(
      'counts a request once against the quota of /%s',
      async (path) => {
        if (path !== 'user') running.clock.advance('2h'); // what another of them counted is over
        ({ headers } = await loginAs(running.app, { userId: 'ada' }));
        const statuses: number[] = [];
        const remaining: (string | undefined)[] = [];
        for (let i = 0; i < 4; i++) {
          const reply = await running.http.get(`/${path}`).set(headers);
          statuses.push(reply.status);
          remaining.push(/;r=(\d+)/.exec(String(reply.headers['ratelimit']))?.[1]);
        }
        expect([statuses, remaining]).toEqual([
          [200, 200, 200, 429],
          ['2', '1', '0', '0'],
        ]);
      },
    );

    it('hands over whom it let in, and the data that came with the check', async () => {
      const { token } = await running.app.get(SessionService).create('ada', { data: { cart: [1] } });
      const headers = { authorization: `Bearer ${token}` };
      const reply = await running.http.get('/admin').set(headers);
      expect(reply.body).toEqual({ data: { cart: [1] }, user: 'ada' });
      expect((await running.http.get('/admin')).body.code).toBe('session_missing');
      const bob = await loginAs(running.app, { userId: 'bob', roles: ['member'] });
      expect((await running.http.get('/admin').set(bob.headers)).body.code).toBe('forbidden');
    });

    it('ends a stream at the demotion', async () => {
      const { headers } = await loginAs(running.app, { userId: 'demoted', roles: ['admin'] });
      const response = await fetch(`${await running.app.getUrl()}/stream`, { headers });
      expect(response.status).toBe(200);
      const text = response.text();
      await running.app.get(UserStateService).setRoles('demoted', ['member']);
      expect(await text).toContain('session-ended');
    });

    it('takes the stricter of two where they differ', async () => {
      running.clock.advance('2h');
      const { headers, session } = await loginAs(running.app, { userId: 'late' });
      const anonymous = await running.http.get('/public');
      expect(anonymous.status).toBe(isPassported ? 401 : 200);
      expect((await running.http.get('/expired').set(headers)).status).toBe(200);
      running.clock.advance('61m');
      const late = await running.http.get('/expired').set(headers);
      expect(late.body).toEqual(isPassported ? expect.objectContaining({ code: 'session_expired' }) : {});
      expect(await running.app.get(SessionService).list(session.userId)).toEqual([]);
    });
  });
});

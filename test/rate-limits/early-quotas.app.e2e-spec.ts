import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  type CanActivate,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  Fresh,
  IpDenylist,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
  SessionService,
  UserStateService,
} from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

const KINDS = ['user', 'session', 'ip', 'fn', 'user+ip', 'default'] as const;
type Kind = (typeof KINDS)[number];

function quotasOf(kind: Kind): MethodDecorator {
  if (kind === 'default') return () => undefined;
  const rules = kind.split('+').map((by) => ({
    name: by,
    quota: 30,
    window: '1m' as const,
    burst: 5,
    by: by === 'fn' ? () => 'all' : (by as 'user' | 'session' | 'ip'),
  }));
  return RateLimit(...rules);
}

@Injectable()
class Refusing implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

function controllerOf(kind: Kind): Type {
  const isForNobody = kind === 'ip' || kind === 'fn';

  @Controller()
  class Limited {
    @quotasOf(kind)
    @Get('guarded')
    guarded() {
      return {};
    }

    @quotasOf(kind)
    @Roles('admin')
    @Get('admin')
    admin() {
      return {};
    }

    @quotasOf(kind)
    @Fresh('1m')
    @Get('fresh')
    fresh() {
      return {};
    }

    @quotasOf(kind)
    @IpDenylist(['127.0.0.1', '::1'])
    @Get('nowhere')
    nowhere() {
      return {};
    }

    @quotasOf(kind)
    @UseGuards(AuthGuard('latchkey'), Refusing)
    @Get('refusing')
    refusing() {
      return {};
    }

    @quotasOf(kind === 'default' ? 'ip' : kind)
    @OptionalSession()
    @Get('optional')
    optional() {
      return {};
    }

    @(isForNobody ? quotasOf(kind) : quotasOf('ip'))
    @Public()
    @Get('public')
    public() {
      return {};
    }

    @(isForNobody ? quotasOf(kind) : quotasOf('ip'))
    @Public()
    @IpDenylist(['127.0.0.1', '::1'])
    @Get('public-nowhere')
    publicNowhere() {
      return {};
    }
  }
  return Limited;
}

interface Request {
  readonly path: string;
  readonly status: number;
  /** Absent: as nobody. */
  readonly as?: (running: RunningApp) => Promise<Readonly<Record<string, string>>>;
  /** Whether the quotas were counted, so that something is gone of them. */
  readonly isCounted?: true;
}

const member = async ({ app }: RunningApp) => (await loginAs(app, { userId: 'member' })).headers;
const REQUESTS: Readonly<Record<string, Request>> = {
  'without a session': { path: 'guarded', status: 401 },
  'with junk': { path: 'guarded', status: 401, as: () => Promise.resolve({ authorization: 'Bearer junk' }) },
  'with two credentials': {
    path: 'guarded',
    status: 400,
    as: async ({ app }) => {
      const { cookie, authorization } = await loginAs(app, { userId: 'two' });
      return { cookie, authorization };
    },
  },
  'with two credentials, to what is public': {
    path: 'public',
    status: 400,
    as: () => Promise.resolve({ authorization: 'Bearer junk', cookie: '__Host-session=junk' }),
  },
  'of a revoked session': {
    path: 'guarded',
    status: 401,
    as: async ({ app }) => {
      const { headers, session } = await loginAs(app, { userId: 'revoked' });
      await app.get(SessionService).revoke('revoked', session.id);
      return headers;
    },
  },
  'of a blocked user': {
    path: 'guarded',
    status: 403,
    as: async ({ app }) => {
      const { headers } = await loginAs(app, { userId: 'blocked' });
      await app.get(UserStateService).block('blocked', { reason: 'spam' });
      return headers;
    },
  },
  'from where nobody may come': { path: 'nowhere', status: 403, as: member },
  'from where nobody may come, to what is public': { path: 'public-nowhere', status: 403 },
  'without the role': { path: 'admin', status: 403, as: member, isCounted: true },
  'of a session that is not fresh': {
    path: 'fresh',
    status: 401,
    as: async (running) => {
      const headers = await member(running);
      running.clock.advance('2m');
      return headers;
    },
    isCounted: true,
  },
  'that another guard refuses': { path: 'refusing', status: 403, as: member, isCounted: true },
  'that is let in': { path: 'guarded', status: 200, as: member, isCounted: true },
  'that is let in as nobody': { path: 'optional', status: 200 },
};

describe.each(PLATFORMS)('a request to a handler with quotas, on $name', (platform) => {
  describe.each(
    KINDS.flatMap((kind) => (['global', undefined] as const).map((guard) => [kind, guard] as const)),
  )('by %s, with guard: %s', (kind, guard) => {
    let running: RunningApp;

    beforeEach(async () => {
      const controller = controllerOf(kind);
      if (!guard) UseGuards(SessionGuard)(controller);
      running = await startApp({
        platform,
        controllers: [controller],
        session: {
          ...(guard && { guard }),
          ...(kind === 'default'
            ? {
                rateLimits: { default: { quota: 30, window: '1m', burst: 5, by: 'user' } },
                defaultRateLimits: ['default'],
              }
            : {}),
        },
        module: { imports: [SessionPassportModule] },
      });
    });
    afterEach(stopApps);

    it.each(Object.entries(REQUESTS))('is told of them: %s', async (_, { path, status, as, isCounted }) => {
      const headers = (await as?.(running)) ?? {};
      const reply = await running.http.get(`/${path}`).set(headers);
      expect(reply.status).toBe(status);
      const [limits, policies] = [reply.headers['ratelimit'], reply.headers['ratelimit-policy']];
      expect(String(policies)).toMatch(/^"[\w]+";q=30;w=60(, "\w+";q=30;w=60)*$/);
      const remaining = [...String(limits).matchAll(/;r=(\d+);t=\d+/g)].map(([, left]) => left);
      expect(remaining).toHaveLength(String(policies).split(', ').length);
      expect(path === 'guarded' || path === 'admin' ? remaining.length : 1).toBe(
        path === 'guarded' || path === 'admin' ? kind.split('+').length : 1,
      );
      if (isCounted) expect(new Set(remaining)).toEqual(new Set(['4']));
      else if (status !== 200) expect(new Set(remaining)).toEqual(new Set(['5']));
    });
  });
});

import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  Post,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Public, RateLimit, Roles, SessionError, UserStateService, type UserState } from '@latchkey/session';
import { Scopes, ServiceTokenGuard, ServiceTokensModule } from '@latchkey/session/jwt';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type Platform, type RunningApp } from '../support/library-app.js';

/** As Nest's own guide has it. */
@Catch()
class CatchEverything implements ExceptionFilter {
  constructor(private readonly adapter: HttpAdapterHost) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapter;
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    const path = String(httpAdapter.getRequestUrl(host.switchToHttp().getRequest()));
    httpAdapter.reply(host.switchToHttp().getResponse(), { statusCode: status, path }, status);
  }
}

@Catch(HttpException)
class CatchHttp implements ExceptionFilter<HttpException> {
  constructor(private readonly adapter: HttpAdapterHost) {}

  catch(exception: HttpException, host: ArgumentsHost): void {
    this.adapter.httpAdapter.reply(
      host.switchToHttp().getResponse(),
      exception.getResponse(),
      exception.getStatus(),
    );
  }
}

/** Sends the error itself, as careless apps do. */
@Catch()
class SendItself implements ExceptionFilter {
  constructor(private readonly adapter: HttpAdapterHost) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    this.adapter.httpAdapter.reply(host.switchToHttp().getResponse(), { ...this.copyOf(exception) }, status);
  }

  private copyOf(exception: unknown): object {
    return JSON.parse(JSON.stringify(exception)) as object;
  }
}

const FILTERS: Readonly<Record<string, { readonly hasProblem: boolean; readonly global?: object }>> = {
  'no filter but ours': { hasProblem: true },
  "Nest's catch-all": { hasProblem: false, global: CatchEverything },
  '@Catch(HttpException)': { hasProblem: true, global: CatchHttp },
  'a filter that sends the error itself': { hasProblem: true, global: SendItself },
  BaseExceptionFilter: { hasProblem: true, global: BaseExceptionFilter },
};

@Controller()
class Doors {
  constructor(private readonly users: UserStateService) {}

  @Get('guarded')
  guarded() {
    return {};
  }

  @Post('guarded')
  change() {
    return {};
  }

  @Roles('admin')
  @Get('admin')
  admin() {
    return {};
  }

  @RateLimit({ name: 'one', quota: 1, window: '1h', by: 'user' })
  @Get('limited')
  limited() {
    return {};
  }

  @Public()
  @RateLimit({ name: 'one', quota: 1, window: '1h', by: 'ip' })
  @Get('limited-by-ip')
  limitedByIp() {
    return {};
  }

  @Public()
  @UseGuards(AuthGuard('latchkey'))
  @Get('passport')
  passport() {
    return {};
  }

  @UseGuards(ServiceTokenGuard)
  @Scopes('orders:read')
  @Get('for-services')
  forServices() {
    return {};
  }

  @Public()
  @Get('service')
  service(): Promise<UserState> {
    return this.users.unblock('nobody-of-this-name');
  }

  @Public()
  @Get('cause')
  cause() {
    throw new SessionError('session_store_unavailable', { cause: new Error('redis://:secret@10.0.0.1') });
  }
}

interface Denial {
  readonly path: string;
  readonly method?: 'post';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, RegExp>>;
  readonly of?: (running: RunningApp) => Promise<Readonly<Record<string, string>>>;
}

const challenge = { 'www-authenticate': /^Bearer realm="session"/, 'cache-control': /no-store/ };

const DENIALS: Readonly<Record<string, Denial>> = {
  'no session': { path: '/guarded', status: 401, code: 'session_missing', headers: challenge },
  'an unknown token': {
    path: '/guarded',
    status: 401,
    code: 'session_invalid',
    headers: challenge,
    of: () => Promise.resolve({ authorization: 'Bearer junk' }),
  },
  'two credentials': {
    path: '/guarded',
    status: 400,
    code: 'ambiguous_credentials',
    headers: { 'cache-control': /no-store/ },
    of: async ({ app }) => {
      const { cookie, authorization } = await loginAs(app, { userId: 'two' });
      return { cookie, authorization };
    },
  },
  'another origin': {
    path: '/guarded',
    method: 'post',
    status: 403,
    code: 'cross_origin',
    headers: { 'cache-control': /no-store/ },
    of: async ({ app }) => {
      const { cookie } = await loginAs(app, { userId: 'cross' });
      return { cookie, 'sec-fetch-site': 'cross-site' };
    },
  },
  'a role that lacks': {
    path: '/admin',
    status: 403,
    code: 'forbidden',
    headers: { 'cache-control': /no-store/ },
    of: async ({ app }) => (await loginAs(app, { userId: 'member' })).headers,
  },
  'a block': {
    path: '/guarded',
    status: 403,
    code: 'user_blocked',
    headers: { 'cache-control': /no-store/ },
    of: async ({ app }) => {
      const { headers } = await loginAs(app, { userId: 'blocked' });
      await app.get(UserStateService).block('blocked', { reason: 'spam', by: 'mia-the-moderator' });
      return headers;
    },
  },
  "a user's quota": {
    path: '/limited',
    status: 429,
    code: 'rate_limited',
    headers: { 'retry-after': /^\d+$/, ratelimit: /"one";r=0/, 'ratelimit-policy': /"one";q=1/ },
    of: async ({ app, http }) => {
      const { headers } = await loginAs(app, { userId: 'busy' });
      await http.get('/limited').set(headers).expect(200);
      return headers;
    },
  },
  "a client IP's quota": {
    path: '/limited-by-ip',
    status: 429,
    code: 'rate_limited',
    headers: { 'retry-after': /^\d+$/, ratelimit: /"one";r=0/ },
    of: async ({ http }) => {
      await http.get('/limited-by-ip');
      return {};
    },
  },
  "AuthGuard('latchkey')": { path: '/passport', status: 401, code: 'session_missing', headers: challenge },
  ServiceTokenGuard: {
    path: '/for-services',
    status: 401,
    code: 'service_token_missing',
    headers: { 'www-authenticate': /^Bearer realm="service"$/, 'cache-control': /no-store/ },
  },
  'a service of ours in a handler': {
    path: '/service',
    status: 404,
    code: 'user_unknown',
    headers: {},
  },
  'an error with a cause in a handler': {
    path: '/cause',
    status: 503,
    code: 'session_store_unavailable',
    headers: {},
  },
  // The last: from here on the store refuses everything.
  'an outage': {
    path: '/guarded',
    status: 503,
    code: 'session_store_unavailable',
    headers: { 'retry-after': /^1$/, 'cache-control': /no-store/ },
    of: async (running) => {
      const { headers } = await loginAs(running.app, { userId: 'unlucky' });
      running.breakStore();
      return headers;
    },
  },
};

const cases = PLATFORMS.flatMap((platform) =>
  Object.keys(FILTERS).flatMap((filter) =>
    (['useGlobalFilters', 'APP_FILTER'] as const)
      .filter((how) => how === 'APP_FILTER' || FILTERS[filter]?.global)
      .map((how) => [platform.name, filter, how, platform] as const),
  ),
);

function start(platform: Platform, filter: string, how: string): Promise<RunningApp> {
  const global = FILTERS[filter]?.global as (new (host: unknown) => ExceptionFilter) | undefined;
  const isProvided = how === 'APP_FILTER' && global;
  return startApp({
    platform,
    controllers: [Doors],
    session: { guard: 'global' },
    module: {
      imports: [SessionPassportModule, ServiceTokensModule.forRoot({ service: 'orders' })],
      providers: isProvided ? [{ provide: APP_FILTER, useClass: global }] : [],
    },
    prepare: (app) => {
      if (!global || isProvided) return;
      const host = app.get(HttpAdapterHost);
      const argument = global === (BaseExceptionFilter as unknown) ? host.httpAdapter : host;
      app.useGlobalFilters(new global(argument));
    },
  });
}

describe.each(cases)('on %s, with %s by %s', (_, filter, how, platform) => {
  let running: RunningApp;
  // Of two provided filters that fit, Nest asks the imported module's first.
  const isOurs = how === 'APP_FILTER' || filter === 'no filter but ours';
  const hasProblem = isOurs || FILTERS[filter]?.hasProblem === true;

  beforeAll(async () => {
    running = await start(platform, filter, how);
  });
  afterAll(stopApps);

  it.each(Object.entries(DENIALS))('%s keeps its status, code and headers', async (_name, denial) => {
    const headers = (await denial.of?.(running)) ?? {};
    const reply = await running.http[denial.method ?? 'get'](denial.path).set(headers);
    expect(reply.status).toBe(denial.status);
    if (hasProblem) expect(reply.body).toMatchObject({ status: denial.status, code: denial.code });
    else expect(reply.body).toEqual({ statusCode: denial.status, path: denial.path });
    // Fastify's requests do not know their response, which is all that Passport gives a strategy.
    if (denial.path === '/passport' && platform.name === 'Fastify' && !isOurs) return;
    for (const [header, pattern] of Object.entries(denial.headers))
      expect(reply.headers[header]).toMatch(pattern);
    expect(JSON.stringify([reply.body, reply.headers])).not.toMatch(/secret|mia-the-moderator|node_modules/);
  });
});

describe('SessionError', () => {
  it('is an HttpException that says no more than its problem, however it is copied', () => {
    const block = { reason: 'spam', by: 'mia', at: 5 };
    const error = new SessionError('user_blocked', { block, cause: new Error('secret') });
    expect(error).toBeInstanceOf(HttpException);
    expect(error.getStatus()).toBe(403);
    expect(error.getResponse()).toMatchObject({
      status: 403,
      code: 'user_blocked',
      block: { reason: 'spam' },
    });
    expect(JSON.stringify([error, error.getResponse()])).not.toMatch(/secret|mia/);
    expect(JSON.stringify({ ...error })).not.toContain('secret');
    expect(error.message).toBe('The user is blocked');
    expect(error.stack).toMatch(/^SessionError: The user is blocked\n/);
  });
});

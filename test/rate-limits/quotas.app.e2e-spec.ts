import { Controller, Get, Post } from '@nestjs/common';
import {
  OptionalSession,
  Public,
  RateLimit,
  RateLimiter,
  Roles,
  SessionConfigurationError,
  SessionService,
  type HttpRequest,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

const tenantOf = (request: HttpRequest): string | undefined =>
  ('raw' in request ? request.raw : request).headers['x-tenant'] as string | undefined;

const failing = (): string => {
  throw new TypeError('a fault of the app');
};

@RateLimit({ name: 'all', quota: 100, window: '1m', by: 'session' })
@Controller('limited')
class Limited {
  @RateLimit({ name: 'posts', quota: 3, window: '1m', by: 'user' })
  @Post('posts')
  post() {
    return {};
  }

  @RateLimit({ name: 'by-ip', quota: 2, window: '1m', by: 'ip' })
  @Get('by-ip')
  byIp() {
    return {};
  }

  @RateLimit({ name: 'by-fault', quota: 1, window: '1m', by: failing })
  @Get('by-fault')
  byFault() {
    return {};
  }

  @RateLimit({ name: 'by-tenant', quota: 1, window: '1m', by: tenantOf })
  @Roles('moderator')
  @Get('by-tenant')
  byTenant() {
    return {};
  }
}

@Controller('open')
class Open {
  @Public()
  @RateLimit({ name: 'public', quota: 2, window: '1m', by: 'ip' })
  @Get('public')
  public() {
    return {};
  }

  @OptionalSession()
  @RateLimit({ name: 'optional', quota: 2, window: '1m', by: 'ip' })
  @Get('optional')
  optional() {
    return {};
  }

  @RateLimit('named')
  @Get('named')
  named() {
    return {};
  }

  @Get('default')
  default() {
    return {};
  }
}

afterEach(stopApps);

describe.each(PLATFORMS)('quotas on $name', (platform) => {
  const start = () =>
    startApp({
      platform,
      controllers: [Limited, Open],
      session: {
        guard: 'global',
        trustProxy: 1,
        rateLimits: {
          named: { quota: 1, window: '1h', by: 'user' },
          standard: { quota: 5, window: '1m', by: 'session' },
        },
        defaultRateLimits: ['standard'],
      },
    });
  const as = async ({ app }: RunningApp, userId = 'ada', roles: string[] = []) =>
    (await loginAs(app, { userId, roles })).headers;

  it('let the quota pass and answer the next with 429, all that the draft asks for, and say so on every reply', async () => {
    const running = await start();
    const headers = await as(running);
    const post = () => running.http.post('/limited/posts').set(headers);
    const first = await post().expect(201);
    expect(first.headers['ratelimit-policy']).toBe('"all";q=100;w=60, "posts";q=3;w=60');
    expect(first.headers['ratelimit']).toBe('"all";r=99;t=1, "posts";r=2;t=20');
    await post().expect(201);
    await post().expect(201);
    const over = await post().expect(429);
    expect(over.headers['content-type']).toContain('application/problem+json');
    expect(over.headers['ratelimit']).toBe('"all";r=97;t=2, "posts";r=0;t=20');
    expect(over.headers['retry-after']).toBe('20');
    expect(over.body).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      code: 'rate_limited',
      'violated-policies': ['posts'],
    });
    running.clock.advance('20s');
    await post().expect(201);
    await post().expect(429);
  });

  it('count for the user whatever the session, and for nobody else', async () => {
    const running = await start();
    const devices = [await as(running), await as(running)];
    for (const i of [0, 1, 0]) {
      await running.http
        .post('/limited/posts')
        .set(devices[i] ?? {})
        .expect(201);
    }
    await running.http
      .post('/limited/posts')
      .set(devices[1] ?? {})
      .expect(429);
    await running.http
      .post('/limited/posts')
      .set(await as(running, 'bob'))
      .expect(201);
  });

  it('are consumed all or none, also where they live apart', async () => {
    const running = await start();
    const headers = { ...(await as(running)), 'x-forwarded-for': '192.0.2.1' };
    const get = () => running.http.get('/limited/by-ip').set(headers);
    await get().expect(200);
    await get().expect(200);
    const over = await get().expect(429);
    expect(over.body).toMatchObject({ 'violated-policies': ['by-ip'] });
    // What the session's quota had lent to the request that was refused is back.
    const elsewhere = await running.http
      .get('/limited/by-ip')
      .set({ ...headers, 'x-forwarded-for': '192.0.2.2' });
    expect(elsewhere.headers['ratelimit']).toContain('"all";r=97');
  });

  it('are not consumed by a request that is refused before them', async () => {
    const running = await start();
    const from = { 'x-forwarded-for': '192.0.2.1' };
    for (let i = 0; i < 5; i++) await running.http.get('/limited/by-ip').set(from).expect(401);
    const headers = { ...(await as(running)), ...from };
    await running.http.get('/limited/by-ip').set(headers).expect(200);
  });

  it('are consumed by a request that is refused after them', async () => {
    const running = await start();
    const tenant = { 'x-tenant': 'acme' };
    const headers = { ...(await as(running)), ...tenant };
    await running.http.get('/limited/by-tenant').set(headers).expect(403);
    const moderator = { ...(await as(running, 'mia', ['moderator'])), ...tenant };
    await running.http.get('/limited/by-tenant').set(moderator).expect(429);
    await running.http
      .get('/limited/by-tenant')
      .set({ ...moderator, 'x-tenant': 'other' })
      .expect(200);
  });

  it('that fail in a function of the app end the request before anything is asked', async () => {
    const running = await start();
    const headers = await as(running);
    running.calls.length = 0;
    await running.http.get('/limited/by-fault').set(headers).expect(500);
    expect(running.calls).toEqual([]);
  });

  it('that an app makes itself are looked at before anything is asked', async () => {
    const { app } = await start();
    const sessions = app.get(SessionService);
    const { token } = await sessions.create('ada');
    const quotas = [{ name: 'mine', quota: 1, windowMs: 60_000, burst: 0, by: 'user' }] as const;
    await expect(sessions.authenticate(token, { roleGroups: [], quotas })).rejects.toThrow(RangeError);
  });

  it('tell IPv6 clients apart by /64', async () => {
    const running = await start();
    const from = (ip: string) => running.http.get('/open/public').set({ 'x-forwarded-for': ip });
    await from('2001:db8::1').expect(200);
    await from('2001:db8::ffff:2').expect(200);
    await from('2001:db8:0:0:abcd::3').expect(429);
    await from('2001:db8:0:1::1').expect(200);
    await from('::ffff:192.0.2.9').expect(200);
    await from('192.0.2.9').expect(200);
    await from('::ffff:c000:209').expect(429);
  });

  it('hold on public and optional handlers, for nobody too', async () => {
    const running = await start();
    for (const path of ['/open/public', '/open/optional']) {
      await running.http.get(path).expect(200);
      await running.http.get(path).expect(200);
      await running.http.get(path).expect(429);
    }
  });

  it('may be named, and hold by default where a handler has none', async () => {
    const running = await start();
    const headers = await as(running);
    await running.http.get('/open/named').set(headers).expect(200);
    await running.http.get('/open/named').set(headers).expect(429);
    for (let i = 0; i < 5; i++) await running.http.get('/open/default').set(headers).expect(200);
    await running.http.get('/open/default').set(headers).expect(429);
  });

  it('cost no call of the repository beside the check, or one each where they live apart', async () => {
    const running = await start();
    const headers = await as(running);
    running.calls.length = 0;
    await running.http.post('/limited/posts').set(headers).expect(201);
    expect(running.calls).toEqual(['authenticate']);
    running.calls.length = 0;
    await running.http.get('/limited/by-ip').set(headers).expect(200);
    expect(running.calls.toSorted()).toEqual(['authenticate', 'quota']);
  });

  it('refuse with 503 when they cannot be counted', async () => {
    const running = await start();
    running.breakStore();
    await running.http.get('/open/public').expect(503);
  });
});

describe('RateLimiter', () => {
  it('consumes several all or none, and gives back', async () => {
    const { app } = await startApp({ controllers: [] });
    const limiter = app.get(RateLimiter);
    const small = { name: 'small', quota: 1, window: '1h' } as const;
    const large = { name: 'large', quota: 9, window: '1h' } as const;
    const shares = [
      { quota: small, partitionKey: 'ada' },
      { quota: large, partitionKey: '192.0.2.1' },
    ];
    await limiter.consumeAll(shares);
    await expect(limiter.consumeAll(shares)).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 3600,
    });
    expect(await limiter.peek(large, '192.0.2.1')).toMatchObject({ remaining: 8 });
    await limiter.refundAll(shares);
    expect(await limiter.consumeAll(shares)).toMatchObject([{ remaining: 0 }, { remaining: 8 }]);
    await limiter.reset(small, 'ada');
    expect(await limiter.consume(small, 'ada')).toMatchObject({ allowed: true });
  });
});

describe('a quota that cannot be', () => {
  const decorate = (decorator: MethodDecorator) => () => {
    class Target {
      @decorator
      @Public()
      @Get()
      handler() {}
    }
    return startApp({ controllers: [Controller()(Target) ?? Target], session: { guard: 'global' } });
  };

  it.each([
    ['no quota', { name: 'x', quota: 0, window: '1m', by: 'ip' }],
    ['a name with a brace', { name: 'a{b', quota: 1, window: '1m', by: 'ip' }],
    ['no window', { name: 'x', quota: 1, window: 'soon', by: 'ip' }],
    ['nothing to count by', { name: 'x', quota: 1, window: '1m', by: 'planet' }],
  ])('stops the app: %s', (_, options) => {
    expect(() => RateLimit(options as never)).toThrow(SessionConfigurationError);
  });

  it.each([
    [
      'of a user on a public handler',
      RateLimit({ name: 'x', quota: 1, window: '1m', by: 'user' }),
      /takes no session/,
    ],
    ['of a name that there is not', RateLimit('nowhere'), /rateLimits does not have/],
  ])('stops the app: %s', async (_, decorator, message) => {
    await expect(decorate(decorator)()).rejects.toThrow(message);
  });
});

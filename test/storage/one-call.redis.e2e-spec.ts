import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  Assurance,
  CurrentUser,
  Fresh,
  IpAllowlist,
  IpAllowlists,
  Permissions,
  RateLimit,
  Roles,
  SessionModule,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import request from 'supertest';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { EARLY_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

const REPLIES_DELAYED_MS = 150;

@Roles('moderator', 'admin')
@Permissions('post:delete')
@Fresh('10m')
@Assurance('aal1')
@RateLimit(
  { name: 'acts', quota: 1_000, window: '1m', by: 'user' },
  { name: 'acts-a-day', quota: 100_000, window: '1d', by: 'user' },
  { name: 'requests', quota: 1_000, window: '1m', by: 'session' },
)
@Controller()
class DemandingController {
  @Get('demanding')
  demanding(@CurrentUser() user: UserState) {
    return user.roles;
  }

  @Get('by-ip')
  @RateLimit({ name: 'address', quota: 1_000, window: '1m', by: 'ip' })
  byIp() {
    return {};
  }

  @Get('listed')
  @IpAllowlist('office')
  listed() {
    return {};
  }

  @Get('everything')
  @RateLimit({ name: 'address', quota: 1_000, window: '1m', by: 'ip' })
  @IpAllowlist('office')
  @IpAllowlist(['127.0.0.0/8'])
  everything() {
    return {};
  }
}

/** What came to Redis from clients, and when by its clock; and what scripts did there. */
async function watch(server: RedisServer) {
  const client = server.client();
  await client.ping(); // its own connection is made by then
  const monitor = await client.monitor();
  const sent: { readonly command: string; readonly atMs: number }[] = [];
  const byScripts: string[] = [];
  monitor.on('monitor', (time: string, [name]: string[], source: string) => {
    const command = String(name).toUpperCase();
    if (source === 'lua') byScripts.push(command);
    else sent.push({ command, atMs: Number(time) * 1_000 });
  });
  const begin = async (): Promise<void> => {
    await sleep(50);
    sent.length = byScripts.length = 0;
  };
  return { sent, byScripts, begin, end: () => monitor.disconnect() };
}

describe('a guarded request', () => {
  let server: RedisServer;
  let proxy: CutOffProxy;
  let app: NestExpressApplication;
  let token: string;
  let redis: Awaited<ReturnType<typeof watch>>;
  const ask = (path: string) =>
    request(app.getHttpServer()).get(path).auth(token, { type: 'bearer' }).expect(200);

  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await CutOffProxy.start(server.port);
    @Module({
      imports: [
        SessionModule.forRoot({
          redis: proxy.url,
          commandTimeoutMs: 2_000,
          guard: 'global',
          touchInterval: 1,
          roleLifetimes: { moderator: 'aal3' },
          permissions: { moderator: ['post:delete'] },
        }),
      ],
      controllers: [DemandingController],
    })
    class App {}
    app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    await app.listen(0, '127.0.0.1');
    await app.get(UserStateService).ensure('ada', { roles: ['user', 'moderator'] });
    await app.get(IpAllowlists).set('office', ['127.0.0.1', '::1']);
    ({ token } = await app.get(SessionService).create('ada'));
    await ask('/everything'); // Redis knows the scripts from here on
    redis = await watch(server);
  });
  afterEach(() => {
    proxy.delayMs = 0;
  });
  afterAll(async () => {
    redis.end();
    await app.close();
    await proxy.close();
    await server.stop();
  });

  it('makes one Redis call, whatever the route demands, three quotas and the record of its activity included', async () => {
    const { sent, byScripts, begin } = redis;
    await begin();
    const { body, headers } = await ask('/demanding');
    await sleep(100);
    expect(body).toEqual(['moderator', 'user']);
    expect(headers['ratelimit-policy']).toBe(
      '"acts";q=1000;w=60, "acts-a-day";q=100000;w=86400, "requests";q=1000;w=60',
    );
    expect(sent.map(({ command }) => command)).toEqual(['EVALSHA']);
    // One read of all, and one write of what the quotas and the activity come to.
    expect(byScripts).toEqual(['HMGET', 'TIME', 'HSET']);
    expect(headers['ratelimit']).toMatch(
      /^"acts";r=99\d;t=\d, "acts-a-day";r=9999\d;t=\d, "requests";r=99\d;t=\d$/,
    );
  });

  it.each([
    ['/by-ip', 'a quota by client IP', 2],
    ['/listed', 'a named list of addresses', 2],
    ['/everything', 'both, and a literal list', 3],
  ])('%s makes one call more for what lives elsewhere: %s', async (path, _, calls) => {
    const { sent, begin } = redis;
    await begin();
    await ask(path);
    await sleep(100);
    expect(sent.map(({ command }) => command)).toEqual(Array(calls).fill('EVALSHA'));
  });

  it.each(['/demanding', '/by-ip', '/listed', '/everything'])(
    '%s waits for one round trip: whatever it asks is sent before anything is answered',
    async (path) => {
      const { sent, begin } = redis;
      proxy.delayMs = REPLIES_DELAYED_MS;
      const spreads: number[] = [];
      const took: number[] = [];
      for (let attempt = 0; attempt < 3; attempt++) {
        await begin();
        const startedAt = performance.now();
        await ask(path);
        took.push(performance.now() - startedAt);
        await sleep(20);
        const instants = sent.map(({ atMs }) => atMs);
        spreads.push(Math.max(...instants) - Math.min(...instants));
      }
      // The best of three: the machine may be busy.
      expect(Math.min(...spreads)).toBeLessThan(REPLIES_DELAYED_MS / 2);
      expect(Math.min(...took)).toBeGreaterThanOrEqual(REPLIES_DELAYED_MS - EARLY_MS);
      expect(Math.min(...took)).toBeLessThan(1.8 * REPLIES_DELAYED_MS);
    },
  );
});

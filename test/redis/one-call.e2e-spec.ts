import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  Assurance,
  CurrentUser,
  Fresh,
  Permissions,
  Roles,
  SessionModule,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import request from 'supertest';
import { RedisServer } from '../support/redis-server.js';

@Controller()
class DemandingController {
  @Get('demanding')
  @Roles('moderator', 'admin')
  @Permissions('post:delete')
  @Fresh('10m')
  @Assurance('aal1')
  demanding(@CurrentUser() user: UserState) {
    return user.roles;
  }
}

describe('a guarded request', () => {
  let server: RedisServer;
  let app: NestExpressApplication;

  beforeAll(async () => {
    server = await RedisServer.start();
    @Module({
      imports: [
        SessionModule.forRoot({
          redis: server.url,
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
    await app.init();
  });
  afterAll(async () => {
    await app.close();
    await server.stop();
  });

  it('makes one Redis call, whatever the route demands, the record of its activity included', async () => {
    await app.get(UserStateService).ensure('ada', { roles: ['user', 'moderator'] });
    const { token } = await app.get(SessionService).create('ada');
    const ask = () =>
      request(app.getHttpServer()).get('/demanding').auth(token, { type: 'bearer' }).expect(200);
    await ask(); // Redis knows the script from here on

    const monitor = await server.client().monitor();
    const sent: string[] = [];
    const written: string[] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source === 'lua') written.push(String(args[0]).toUpperCase());
      else sent.push(String(args[0]).toUpperCase());
    });
    await sleep(20);
    const { body } = await ask();
    await sleep(100);
    monitor.disconnect();

    expect(body).toEqual(['moderator', 'user']);
    expect(sent).toEqual(['EVALSHA']);
    expect(written).toContain('HSET'); // it was written down as activity
  });
});

// An app on Fastify that uses the built library as a newcomer would: what fuzz.mjs sends bytes to, beside the sample.
import 'reflect-metadata';
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Module,
  Param,
  Patch,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  CurrentSession,
  EventStreams,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionData,
  SessionModule,
  SessionService,
  SessionTransport,
  UserStateService,
} from '../../../dist/libs/session/src/index.js';

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  if (name === undefined) {
    for (const decorator of decorators) decorator(target);
    return;
  }
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators) decorator(target, name, descriptor);
}

class FuzzController {
  constructor(sessions, users, transport, streams) {
    Object.assign(this, { sessions, users, transport, streams });
  }

  async login(body, request, reply) {
    // As careless as an app may be: what a client sends goes straight into the library.
    const { userId, deviceName, data, roles, transport } = body ?? {};
    await this.users.ensure(userId, { roles });
    const device = this.transport.deviceOf(request, deviceName);
    const issued = await this.sessions.create(userId, { device, ...(data === undefined ? {} : { data }) });
    if (transport === 'bearer') return { token: issued.token, refreshToken: issued.refreshToken };
    this.transport.setCookie(request, reply, issued);
    return {};
  }

  async refresh(body, request) {
    const { refreshToken, accessToken } = this.transport.readRefreshToken(request, body?.refreshToken);
    const options = accessToken === undefined ? {} : { accessToken };
    const { token } = await this.sessions.refresh(refreshToken, options);
    return { token };
  }

  me(session) {
    return { id: session?.id ?? null };
  }

  async list(session) {
    return { sessions: await this.sessions.list(session.userId) };
  }

  async revoke(session, id) {
    return { revoked: await this.sessions.revoke(session.userId, id) };
  }

  async merge(session, body) {
    return { data: (await this.sessions.data(session).merge(body)).data };
  }

  data(data) {
    return { data };
  }

  async block(body) {
    const { userId, reason, until } = body ?? {};
    await this.users.block(userId, { reason, until });
    return {};
  }

  async events(request, reply) {
    (await this.streams.open(request, reply)).send('hello', {});
  }
}
Reflect.defineMetadata(
  'design:paramtypes',
  [SessionService, UserStateService, SessionTransport, EventStreams],
  FuzzController,
);
const { prototype } = FuzzController;
const parameters = {
  login: [Body(), Req(), Res({ passthrough: true })],
  refresh: [Body(), Req()],
  me: [CurrentSession()],
  list: [CurrentSession()],
  revoke: [CurrentSession(), Param('id')],
  merge: [CurrentSession(), Body()],
  data: [SessionData()],
  block: [Body()],
  events: [Req(), Res()],
};
for (const [name, decorators] of Object.entries(parameters)) {
  decorators.forEach((decorator, i) => decorator(prototype, name, i));
}
decorate([Public(), HttpCode(200), Post('auth/login')], prototype, 'login');
decorate([Public(), HttpCode(200), Post('auth/refresh')], prototype, 'refresh');
decorate([OptionalSession(), Get('auth/me')], prototype, 'me');
decorate(
  [RateLimit({ name: 'list', quota: 100_000, window: '1m', by: 'user' }), Get('sessions')],
  prototype,
  'list',
);
decorate([Delete('sessions/:id')], prototype, 'revoke');
decorate([Patch('data')], prototype, 'merge');
decorate([Get('data')], prototype, 'data');
decorate([Roles('admin'), HttpCode(200), Post('block')], prototype, 'block');
decorate([Get('events')], prototype, 'events');
decorate([Controller()], FuzzController);

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          refresh: true,
          trustProxy: ['127.0.0.0/8'],
          ...(process.env.REDIS_URL ? { redis: process.env.REDIS_URL, commandTimeoutMs: 1_000 } : {}),
        }),
      ],
      controllers: [FuzzController],
    }),
  ],
  App,
);

const app = await NestFactory.create(App, new FastifyAdapter(), { logger: ['error'] });
await app.listen(Number(process.env.PORT), process.env.HOST);
console.log(`listening on http://${process.env.HOST}:${process.env.PORT}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));

// A node with socket.io gateways in a process of its own, from the built library, together with others by
// @socket.io/redis-adapter: who holds connections in it shares no event loop with whoever acts. It says something to
// everybody all the time, with the instant, by the clock that all processes of a machine share.
import 'reflect-metadata';
import { createAdapter } from '@socket.io/redis-adapter';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { Redis } from 'ioredis';
import { Public, Roles, SessionModule } from '../../../libs/session/dist/esm/index.js';
import { SessionIoAdapter } from '../../../libs/session/dist/esm/socket.io/index.js';

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  const descriptor = name === undefined ? undefined : Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators)
    if (name === undefined) decorator(target);
    else decorator(target, name, descriptor);
}

const now = () => String(process.hrtime.bigint());

class RootGateway {
  handleConnection(client) {
    void client.join('news');
  }

  delete() {
    return { event: 'deleted', data: { at: now() } };
  }

  echo(_client, data) {
    return data;
  }
}
decorate([WebSocketServer()], RootGateway.prototype, 'server');
decorate([Roles('moderator'), SubscribeMessage('delete')], RootGateway.prototype, 'delete');
decorate([SubscribeMessage('echo')], RootGateway.prototype, 'echo');
decorate([WebSocketGateway()], RootGateway);

class StaffGateway {
  handleConnection(client) {
    void client.join('news');
  }
}
decorate([WebSocketServer()], StaffGateway.prototype, 'server');
decorate([Roles('moderator'), WebSocketGateway({ namespace: 'staff' })], StaffGateway);

class PublicGateway {
  handleConnection() {}
}
decorate([Public(), WebSocketGateway({ namespace: 'public' })], PublicGateway);

class HealthController {
  health() {
    return {
      memory: process.memoryUsage(),
      clients: root.server.engine.clientsCount,
      sockets: root.server.sockets.sockets.size,
    };
  }

  /** What other nodes are told of the sockets here, and this one of theirs. */
  async sockets() {
    return (await root.server.fetchSockets()).map(({ handshake }) => handshake);
  }
}
decorate([Get('health')], HealthController.prototype, 'health');
decorate([Get('sockets')], HealthController.prototype, 'sockets');
decorate([Public(), Controller()], HealthController);

/** An app's own check of handshakes, which takes its time. */
const allowRequest = (_request, allow) => setTimeout(() => allow(null, true), Number(process.env.THINK_MS));

/** As socket.io's own documentation has it. */
class ClusteredAdapter extends SessionIoAdapter {
  clients = [new Redis(process.env.REDIS_URL), new Redis(process.env.REDIS_URL)];

  createIOServer(port, options) {
    const server = super.createIOServer(port, process.env.THINK_MS ? { ...options, allowRequest } : options);
    server.adapter(createAdapter(...this.clients));
    return server;
  }

  async dispose() {
    for (const client of this.clients) client.disconnect();
    await super.dispose();
  }
}

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          redis: process.env.SESSIONS_URL ?? process.env.REDIS_URL,
          commandTimeoutMs: 1_000, // on a machine that is busy with other tests
        }),
      ],
      controllers: [HealthController],
      providers: [RootGateway, StaffGateway, PublicGateway],
    }),
  ],
  App,
);

const http = process.env.PLATFORM === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(App, http, { logger: false });
app.useWebSocketAdapter(new ClusteredAdapter(app));
await app.listen(Number(process.env.PORT), process.env.HOST);
const [root, staff] = [app.get(RootGateway), app.get(StaffGateway)];

if (process.env.SPEAK_EVERY_MS) {
  let turn = 0;
  const bytes = Buffer.alloc(16);
  setInterval(() => {
    turn += 1;
    const data = turn % 3 === 0 ? { at: now(), bytes } : { at: now() };
    const name = process.env.NAME;
    // First: right after something else, a socket is not writable.
    if (turn % 5 === 0) root.server.volatile.emit('post', { ...data, by: name, to: 'all' });
    root.server.to('news').emit('post', { ...data, by: name, to: 'room' });
    staff.server.to('news').emit('post', { ...data, by: name, to: 'staff' });
    for (const socket of root.server.sockets.sockets.values())
      socket.emit('post', { ...data, by: name, to: 'one' });
  }, Number(process.env.SPEAK_EVERY_MS));
}

console.log(`listening on ${await app.getUrl()}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));

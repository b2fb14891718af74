// A node of live-node.ts in a process of its own, from the built library: who holds connections in it shares no event loop
// with whoever acts. What it handles it answers with the instant, by the clock that all processes of a machine share.
import 'reflect-metadata';
import { Body, Controller, Get, Module, Post, Req, Res, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { Observable } from 'rxjs';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventStreams, Public, Roles, SessionModule } from '../../../dist/libs/session/src/index.js';
import { SessionWsAdapter } from '../../../dist/libs/session/src/ws/index.js';

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  if (name === undefined) {
    for (const decorator of decorators) decorator(target);
    return;
  }
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators) decorator(target, name, descriptor);
}

/** What each stream and socket is told by, of whatever is published. */
const tellers = new Set();

class StreamController {
  constructor(streams) {
    this.streams = streams;
  }

  async events(request, response) {
    const stream = await this.streams.open(request, response);
    const tell = (post) => stream.send('post', post);
    tellers.add(tell);
    stream.onEnd(() => tellers.delete(tell));
    stream.send('hello', {});
  }
}
Reflect.defineMetadata('design:paramtypes', [EventStreams], StreamController);

/** Nest's own streams, from code that knows nothing of sessions. */
class SseController {
  anybody() {
    return new Observable((client) => {
      const tell = (post) => client.next({ type: 'post', data: post });
      tellers.add(tell);
      client.next({ type: 'hello', data: {} });
      return () => tellers.delete(tell);
    });
  }

  async moderators() {
    return this.anybody();
  }
}
decorate([Sse('sse')], SseController.prototype, 'anybody');
decorate([Roles('moderator'), Sse('moderation/sse')], SseController.prototype, 'moderators');
decorate([Controller()], SseController);

class PublicController {
  health() {
    return { memory: process.memoryUsage(), resources: process.getActiveResourcesInfo().length };
  }

  echo(body) {
    return body;
  }
}
Body()(PublicController.prototype, 'echo', 0);
decorate([Get('health')], PublicController.prototype, 'health');
decorate([Post('echo')], PublicController.prototype, 'echo');
decorate([Public(), Controller()], PublicController);

Req()(StreamController.prototype, 'events', 0);
Res()(StreamController.prototype, 'events', 1);
decorate([Get('events')], StreamController.prototype, 'events');
decorate([Controller()], StreamController);

class Gateway {
  handleConnection(client) {
    const tell = (post) => client.send(JSON.stringify({ event: 'post', data: post }));
    tellers.add(tell);
    client.on('close', () => tellers.delete(tell));
  }

  ping() {
    return { event: 'pong', data: {} };
  }

  delete() {
    return { event: 'deleted', data: { at: String(process.hrtime.bigint()) } };
  }
}
decorate([Roles('moderator'), SubscribeMessage('delete')], Gateway.prototype, 'delete');
decorate([SubscribeMessage('ping')], Gateway.prototype, 'ping');
decorate([WebSocketGateway({ path: '/ws' })], Gateway);

class PublicGateway {
  ping() {
    return { event: 'pong', data: {} };
  }
}
decorate([SubscribeMessage('ping')], PublicGateway.prototype, 'ping');
decorate([Public(), WebSocketGateway({ path: '/public' })], PublicGateway);

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          ...(process.env.REDIS_URL ? { redis: process.env.REDIS_URL } : {}),
          commandTimeoutMs: 1_000, // on a machine that is busy with other tests
          keyPrefix: process.env.KEY_PREFIX ?? 'lk',
        }),
      ],
      controllers: [StreamController, SseController, PublicController],
      providers: [Gateway, PublicGateway],
    }),
  ],
  App,
);

if (process.env.POSTS) {
  const subscriber = new Redis(process.env.REDIS_URL);
  subscriber.on('message', (_channel, text) => {
    for (const tell of tellers) tell(JSON.parse(text));
  });
  await subscriber.subscribe(process.env.POSTS);
}

const adapter = process.env.PLATFORM === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(App, adapter, { logger: false });
app.useWebSocketAdapter(new SessionWsAdapter(app));
await app.listen(Number(process.env.PORT), process.env.HOST);
console.log(`listening on ${await app.getUrl()}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));

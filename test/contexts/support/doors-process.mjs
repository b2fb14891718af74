// A node with every door in a process of its own, from the built library: Nest's `@Sse()`, sockets (`ws` or socket.io),
// GraphQL subscriptions and a gRPC stream. By each of them it tells everybody the instant, all the time, by the clock that
// all processes of a machine share.
import 'reflect-metadata';
import { join } from 'node:path';
import { ApolloDriver } from '@nestjs/apollo';
import { Controller, Module, Sse, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { interval, map } from 'rxjs';
import { Roles, SessionGuard, SessionModule } from '../../../libs/session/dist/esm/index.js';
import { GraphqlSubscriptions, SessionGraphqlModule } from '../../../libs/session/dist/esm/graphql/index.js';
import { SessionIoAdapter } from '../../../libs/session/dist/esm/socket.io/index.js';
import { SessionWsAdapter } from '../../../libs/session/dist/esm/ws/index.js';

const SPEAK_EVERY_MS = 5;

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  const descriptor = name === undefined ? undefined : Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators)
    if (name === undefined) decorator(target);
    else decorator(target, name, descriptor);
}

const now = () => String(process.hrtime.bigint());
const ticks = () => interval(SPEAK_EVERY_MS).pipe(map(now));
const moderators = () => Roles('moderator');

class Streams {
  sse() {
    return ticks().pipe(map((at) => ({ type: 'tick', data: { at } })));
  }

  watch() {
    return ticks().pipe(map((at) => ({ at })));
  }
}
decorate([moderators(), Sse('sse')], Streams.prototype, 'sse');
decorate([moderators(), GrpcMethod('Doors', 'Watch'), UseGuards(SessionGuard)], Streams.prototype, 'watch');
decorate([Controller()], Streams);

class Gateway {
  speak() {
    const at = now();
    for (const client of process.env.SOCKETS === 'ws'
      ? this.server.clients
      : this.server.sockets.sockets.values()) {
      if (process.env.SOCKETS === 'ws') client.send(JSON.stringify({ event: 'tick', data: { at } }));
      else client.emit('tick', { at });
    }
  }

  echo(_client, data) {
    return data;
  }
}
decorate([WebSocketServer()], Gateway.prototype, 'server');
decorate([SubscribeMessage('echo')], Gateway.prototype, 'echo');
decorate([moderators(), WebSocketGateway(process.env.SOCKETS === 'ws' ? { path: '/ws' } : {})], Gateway);

class Resolvers {
  alive() {
    return 'yes';
  }

  async *tick() {
    for (;;) {
      yield { tick: now() };
      await new Promise((resolve) => setTimeout(resolve, SPEAK_EVERY_MS));
    }
  }
}
decorate([Query(() => String)], Resolvers.prototype, 'alive');
decorate([moderators(), Subscription(() => String)], Resolvers.prototype, 'tick');
decorate([Resolver()], Resolvers);

function App() {}
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          strict: true,
          redis: process.env.REDIS_URL,
          commandTimeoutMs: 1_000, // on a machine that is busy with other tests
        }),
        SessionGraphqlModule,
        GraphQLModule.forRootAsync({
          driver: ApolloDriver,
          inject: [GraphqlSubscriptions],
          useFactory: (subscriptions) => ({
            autoSchemaFile: true,
            subscriptions: { 'graphql-ws': subscriptions.graphqlWs() },
          }),
        }),
      ],
      controllers: [Streams],
      providers: [Gateway, Resolvers],
    }),
  ],
  App,
);

const app = await NestFactory.create(App, { logger: ['error'] });
app.useWebSocketAdapter(process.env.SOCKETS === 'ws' ? new SessionWsAdapter(app) : new SessionIoAdapter(app));
app.connectMicroservice({
  transport: Transport.GRPC,
  options: {
    package: 'doors',
    protoPath: join(import.meta.dirname, 'doors.proto'),
    url: `127.0.0.1:${process.env.GRPC_PORT}`,
  },
});
await app.startAllMicroservices();
await app.listen(Number(process.env.PORT), process.env.HOST);
const gateway = app.get(Gateway);
setInterval(() => gateway.speak(), SPEAK_EVERY_MS);

console.log(`listening on ${await app.getUrl()}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));

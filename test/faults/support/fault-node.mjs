// A node for test/faults in a process of its own, from the built library. It does what `POST /act` says, so that whoever
// judges measures requests and acts by one clock, and sends what `POST /publish` says to every stream and socket.
//   OPTIONS        more options of the module, as JSON
//   CLUSTER_NAT    a Cluster's addresses as seen from here, as JSON: then the client is one of the app's
//   DIRECTORY_URL  where the users' roles and blocks are known
//   SKEW_MS        by how much this node's clock is wrong
import 'reflect-metadata';
import { Body, Controller, Get, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Cluster } from 'ioredis';
import {
  EventStreams,
  IpAllowlists,
  Public,
  redisClientOptions,
  Roles,
  SessionModule,
  SessionService,
  UserStateService,
} from '../../../dist/libs/session/src/index.js';
import { SessionWsAdapter } from '../../../dist/libs/session/src/ws/index.js';

const { OPTIONS = '{}', CLUSTER_NAT, DIRECTORY_URL, SKEW_MS = '0', PORT, HOST } = process.env;
const MODERATOR = ['user', 'moderator'];

setClockWrong(Number(SKEW_MS));

/** Decorators as the compiler applies them. */
function decorate(decorators, target, name) {
  const descriptor = name && Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators) decorator(target, name, descriptor);
}

/** What each stream and socket is told by, of whatever is published. */
const tellers = new Set();

const ACTS = {
  async login({ sessions, users }, { userId, isNew }) {
    if (isNew) await users.ensure(userId, { roles: MODERATOR });
    const { token, session } = await sessions.create(userId);
    return { token, sessionId: session.id };
  },
  logout: ({ sessions }, { userId, sessionId }) => sessions.revoke(userId, sessionId),
  revokeAll: ({ sessions }, { userId }) => sessions.revokeAll(userId),
  block: ({ users }, { userId }) => users.block(userId, { reason: 'spam' }),
  unblock: ({ users }, { userId }) => users.unblock(userId),
  demote: ({ users }, { userId }) => users.setRoles(userId, ['user']),
  promote: ({ users }, { userId }) => users.setRoles(userId, MODERATOR),
  update: ({ users }, { userId, roles, sourceVersion }) =>
    users.update(userId, { roles, block: null, sourceVersion }),
  deny: ({ lists }, { cidrs }) => lists.set('banned', cidrs),
};

class ControlController {
  constructor(users, sessions, lists) {
    this.services = { users, sessions, lists };
  }

  async act({ act, ...details }) {
    return { reply: await ACTS[act](this.services, details) };
  }

  /** One connection brings all posts, a line each, as a broker's does: what came after an act may be read before it. */
  publish(request) {
    let rest = '';
    request.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) for (const tell of tellers) tell(JSON.parse(line));
    });
    return new Promise((resolve) => request.on('end', () => resolve({})));
  }

  health() {
    return { rss: process.memoryUsage().rss };
  }
}
Reflect.defineMetadata(
  'design:paramtypes',
  [UserStateService, SessionService, IpAllowlists],
  ControlController,
);
Body()(ControlController.prototype, 'act', 0);
Req()(ControlController.prototype, 'publish', 0);
decorate([Post('act')], ControlController.prototype, 'act');
decorate([Post('publish')], ControlController.prototype, 'publish');
decorate([Get('health')], ControlController.prototype, 'health');
decorate([Public(), Controller()], ControlController);

class UserController {
  constructor(streams) {
    this.streams = streams;
  }

  me() {
    return {};
  }

  moderation() {
    return {};
  }

  async events(request, response) {
    const stream = await this.streams.open(request, response);
    const tell = (post) => stream.send('post', post);
    tellers.add(tell);
    stream.onEnd(() => tellers.delete(tell));
    stream.send('hello', {});
  }
}
Reflect.defineMetadata('design:paramtypes', [EventStreams], UserController);
Req()(UserController.prototype, 'events', 0);
Res()(UserController.prototype, 'events', 1);
decorate([Get('me')], UserController.prototype, 'me');
decorate([Roles('moderator'), Get('moderation')], UserController.prototype, 'moderation');
decorate([Get('events')], UserController.prototype, 'events');
decorate([Controller()], UserController);

class Gateway {
  handleConnection(client) {
    const tell = (post) => client.send(JSON.stringify({ event: 'post', data: post }));
    tellers.add(tell);
    client.on('close', () => tellers.delete(tell));
  }

  delete({ n }) {
    return { event: 'deleted', data: { n } };
  }
}
decorate([Roles('moderator'), SubscribeMessage('delete')], Gateway.prototype, 'delete');
decorate([WebSocketGateway({ path: '/ws' })], Gateway);

function App() {}
const { redis, ...options } = JSON.parse(OPTIONS);
decorate(
  [
    Module({
      imports: [
        SessionModule.forRoot({
          guard: 'global',
          trustProxy: ['127.0.0.0/8'],
          ipPolicy: { deny: 'banned' },
          failedTokens: false,
          redis: CLUSTER_NAT ? ownClient(redis.cluster, JSON.parse(CLUSTER_NAT)) : redis,
          ...(DIRECTORY_URL && { userDirectory: { load } }),
          ...options,
        }),
      ],
      controllers: [ControlController, UserController],
      providers: [Gateway],
    }),
  ],
  App,
);

async function load(userId) {
  const reply = await fetch(`${DIRECTORY_URL}/${userId}`);
  return reply.status === 404 ? undefined : reply.json();
}

/** As docs/redis.md has it. */
function ownClient(nodes, natMap) {
  const client = new Cluster(nodes, {
    enableOfflineQueue: false,
    clusterRetryStrategy: (attempt) => Math.min(attempt * 50, 250),
    retryDelayOnTryAgain: 5,
    redisOptions: redisClientOptions(),
    natMap,
  });
  client.on('error', () => undefined);
  return client;
}

function setClockWrong(skewMs) {
  const now = Date.now;
  Date.now = () => now() + skewMs;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, self) =>
      Reflect.construct(target, args.length === 0 ? [target.now()] : args, self),
  });
}

const app = await NestFactory.create(App, { logger: ['error'] });
app.useWebSocketAdapter(new SessionWsAdapter(app));
await app.listen(Number(PORT), HOST);
// Whoever stood still closes connections that a request is on its way on.
Object.assign(app.getHttpServer(), { keepAliveTimeout: 600_000, requestTimeout: 0 });
console.log(`listening on ${await app.getUrl()}`);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));

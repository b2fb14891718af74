import { Controller, Get, type INestApplication, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  EventStreams,
  type HttpRequest,
  Roles,
  SessionEvents,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
  type StreamableResponse,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { SessionWsAdapter } from '@latchkey/session/ws';
import type { SessionRepository } from '../../../libs/session/src/storage/contract/session-repository.js';
import type { RedisServer } from '../../support/redis-server.js';
import { SESSION_REPOSITORY } from '../../../libs/session/src/options/injection-keys.js';

/** When the privileged message was handled, and with which roles, by performance.now(). */
interface Handled {
  readonly at: number;
  readonly userId: string;
}

export type PlatformName = 'Express' | 'Fastify';

/** A node of an app with live connections: `GET /events` and `/ws` for anybody with a session, `/moderation` for moderators. */
export async function startNode(options: SessionModuleOptions, platform: PlatformName = 'Express') {
  const handled: Handled[] = [];

  @Controller()
  class StreamController {
    constructor(private readonly streams: EventStreams) {}

    @Get('events')
    async events(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
      (await this.streams.open(request, response)).send('hello', {});
    }

    @Roles('moderator')
    @Get('moderation/events')
    async moderation(@Req() request: HttpRequest, @Res() response: StreamableResponse): Promise<void> {
      (await this.streams.open(request, response)).send('hello', {});
    }
  }

  @WebSocketGateway({ path: '/ws' })
  class Gateway {
    @SubscribeMessage('ping')
    ping(): object {
      return { event: 'pong', data: {} };
    }

    @Roles('moderator')
    @SubscribeMessage('delete')
    delete(@CurrentUser() user: UserState): object {
      handled.push({ at: performance.now(), userId: user.id });
      return { event: 'deleted', data: {} };
    }
  }

  @Roles('moderator')
  @WebSocketGateway({ path: '/moderation/ws' })
  class ModerationGateway {
    @SubscribeMessage('ping')
    ping(): object {
      return { event: 'pong', data: {} };
    }
  }

  @Module({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        ...(options.redis && { commandTimeoutMs: 1_000 }),
        ...options,
      }),
    ],
    controllers: [StreamController],
    providers: [Gateway, ModerationGateway],
  })
  class App {}

  const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();
  const app: INestApplication = await NestFactory.create(App, adapter, { logger: false });
  app.useWebSocketAdapter(new SessionWsAdapter(app));
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    handled,
    users: app.get(UserStateService),
    sessions: app.get(SessionService),
    connections: app.get(LiveConnections),
    events: app.get(SessionEvents),
    registry: app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false }).nodes,
    stop: () => app.close(),
  };
}

/** A node whose Redis user may not speak on the channel: all that it does is done, and nobody hears of it. */
export async function startMuteNode(server: RedisServer) {
  await server.client().call('ACL', 'SETUSER', 'mute', 'reset', 'on', '>secret', '~*', '+@all');
  return startNode({ redis: `redis://mute:secret@127.0.0.1:${server.port}` });
}

export type LiveNode = Awaited<ReturnType<typeof startNode>>;

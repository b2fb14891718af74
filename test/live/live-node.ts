import { Controller, Get, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  EventStreams,
  LiveConnections,
  Roles,
  SessionEvents,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import type { Request, Response } from 'express';

/** When the privileged message was handled, and with which roles, by performance.now(). */
export interface Handled {
  readonly at: number;
  readonly userId: string;
}

/** A node of an app with live connections: `GET /events` and `/ws` for anybody with a session, `/moderation` for moderators. */
export async function startNode(options: SessionModuleOptions) {
  const handled: Handled[] = [];

  @Controller()
  class StreamController {
    constructor(private readonly streams: EventStreams) {}

    @Get('events')
    async events(@Req() request: Request, @Res() response: Response): Promise<void> {
      (await this.streams.open(request, response)).send('hello', {});
    }

    @Roles('moderator')
    @Get('moderation/events')
    async moderation(@Req() request: Request, @Res() response: Response): Promise<void> {
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
    imports: [SessionModule.forRoot({ guard: 'global', ...options })],
    controllers: [StreamController],
    providers: [Gateway, ModerationGateway],
  })
  class App {}

  const app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
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
    stop: () => app.close(),
  };
}

export type LiveNode = Awaited<ReturnType<typeof startNode>>;

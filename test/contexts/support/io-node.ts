import type { NodeRequest } from '@latchkey/session/http';
import { type INestApplication, Inject, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  CurrentUser,
  type HttpRequest,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { LiveConnections } from '@latchkey/session/live';
import { liveConnectionOf, SessionIoAdapter } from '@latchkey/session/socket.io';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Platform } from '../../support/library-app.js';

const window = '1h';

/** What the gateways were told of. */
export const told: string[] = [];

@WebSocketGateway()
export class RootGateway implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() readonly server!: Server;

  handleConnection(client: Socket): void {
    told.push(`connected ${client.nsp.name}`);
    client.on('raw', (ack: unknown) => typeof ack === 'function' && (ack as (text: string) => void)('raw'));
  }
  handleDisconnect(client: Socket): void {
    told.push(`disconnected ${client.nsp.name}`);
  }

  @SubscribeMessage('ping')
  ping(@MessageBody() data: unknown): object {
    return { event: 'pong', data };
  }
  @SubscribeMessage('answer')
  answer(@MessageBody() data: unknown): unknown {
    return { answer: data };
  }
  @SubscribeMessage('by-hand')
  byHand(@Ack() ack: (text: string) => void): void {
    ack('by hand');
  }
  @SubscribeMessage('me')
  me(@CurrentUser() user: UserState, @ConnectedSocket() client: Socket): unknown {
    return { user: user.id, live: liveConnectionOf(client)?.user.id };
  }
  @Roles('moderator')
  @SubscribeMessage('delete')
  delete(@CurrentUser() user: UserState): unknown {
    told.push(`delete ${user.id}`);
    return { deleted: true };
  }
  @RateLimit({
    name: 'io-fn',
    quota: 2,
    window,
    by: (request: HttpRequest) => String((request as NodeRequest).headers['x-tenant']),
  })
  @SubscribeMessage('by-function')
  byFunction(): unknown {
    return { counted: true };
  }
  @SubscribeMessage('throws')
  throws(): unknown {
    throw new Error('a fault');
  }
}

@Roles('moderator')
@WebSocketGateway({ namespace: 'staff' })
export class StaffGateway {
  @WebSocketServer() readonly server!: Namespace;

  @SubscribeMessage('ping')
  ping(@CurrentUser() user: UserState): object {
    return { event: 'pong', data: user.id };
  }
}

@Public()
@WebSocketGateway({ namespace: '/public' })
export class PublicGateway {
  @WebSocketServer() readonly server!: Namespace;

  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: 'anybody' };
  }
  @OptionalSession()
  @SubscribeMessage('who')
  who(@CurrentUser() user: UserState | undefined, @ConnectedSocket() client: Socket): unknown {
    return { user: user?.id ?? null, live: liveConnectionOf(client) !== undefined };
  }
  @Roles('moderator')
  @SubscribeMessage('delete')
  delete(): unknown {
    told.push('delete of nobody');
    return { deleted: true };
  }
}

@OptionalSession()
@WebSocketGateway({ namespace: 'optional' })
export class OptionalGateway {
  @WebSocketServer() readonly server!: Namespace;

  @SubscribeMessage('who')
  @OptionalSession()
  who(@CurrentUser() user: UserState | undefined): unknown {
    return { user: user?.id ?? null };
  }
}

@Roles('moderator')
@WebSocketGateway({ namespace: /^\/room-\d+$/ })
export class RoomGateway {
  @WebSocketServer() readonly server!: Namespace;

  @SubscribeMessage('where')
  where(@ConnectedSocket() client: Socket): unknown {
    return { room: client.nsp.name };
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerMessage {}

@WebSocketGateway({ namespace: 'scoped' })
export class ScopedGateway {
  constructor(@Inject(PerMessage) readonly own: PerMessage) {}

  @SubscribeMessage('free')
  free(): unknown {
    return { free: true };
  }
  @Roles('moderator')
  @SubscribeMessage('delete')
  delete(): unknown {
    return { deleted: true };
  }
}

@RateLimit({ name: 'io-knocks', quota: 2, window, by: 'user' })
@WebSocketGateway({ namespace: 'knocks' })
export class KnockGateway {}

export const GATEWAYS: readonly Type[] = [
  RootGateway,
  StaffGateway,
  PublicGateway,
  OptionalGateway,
  RoomGateway,
  ScopedGateway,
  KnockGateway,
];

interface IoNodeOptions {
  readonly platform?: Platform;
  readonly session?: SessionModuleOptions;
  readonly gateways?: readonly Type[];
  readonly adapter?: (app: INestApplication) => SessionIoAdapter;
  readonly prepare?: (app: INestApplication) => void;
}

/** An app with socket.io gateways of every kind. */
export async function startIoNode(options: IoNodeOptions = {}) {
  const { platform, session, gateways = GATEWAYS, prepare } = options;

  @Module({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        strict: true,
        ...session,
      }),
    ],
    providers: [PerMessage, ...gateways],
  })
  class App {}

  const app: INestApplication = platform
    ? await NestFactory.create(App, platform.adapter(), {
        logger: false,
        forceCloseConnections: true,
        abortOnError: false,
      })
    : await NestFactory.create(App, { logger: false, forceCloseConnections: true, abortOnError: false });
  app.useWebSocketAdapter(options.adapter?.(app) ?? new SessionIoAdapter(app));
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  let names = 0;
  const users = app.get(UserStateService);
  const sessions = app.get(SessionService);
  return {
    app,
    url: await app.getUrl(),
    users,
    sessions,
    connections: app.get(LiveConnections),
    /** A new user with a session. */
    async user(roles: readonly string[] = [], create: Parameters<SessionService['create']>[1] = {}) {
      const userId = `user-${process.pid}-${(names += 1)}`;
      await users.ensure(userId, { roles });
      const { token, session } = await sessions.create(userId, create);
      return { userId, token, sessionId: session.id };
    },
    stop: () => app.close(),
  };
}

export type IoNode = Awaited<ReturnType<typeof startIoNode>>;

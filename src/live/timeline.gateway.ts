import { Inject, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { CurrentUser, Roles, SessionError, type UserState } from '@latchkey/session';
import { liveConnectionOf } from '@latchkey/session/ws';
import type { Server, WebSocket } from 'ws';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { isDemoUserId } from '../users/account.js';
import { UsersService } from '../users/users.service.js';
import { Timeline } from './timeline.js';

const OPEN = 1;
/** The close code for a session that opens nothing. */
const SESSION_ENDED = 4401;
const MAX_LENGTH = 500;

/**
 * The timeline as it happens, for sockets. The server sends `{ event, data }`: `post`, `announcement`, `pong`, and
 * `exception` with a problem; clients send `ping`, and moderators and admins `announce` with `{ text }`.
 */
@WebSocketGateway({ path: '/ws' })
export class TimelineGateway implements OnApplicationBootstrap, OnGatewayConnection, OnModuleDestroy {
  @WebSocketServer()
  private readonly server!: Server;
  private unsubscribe: (() => void) | undefined;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly timeline: Timeline,
    private readonly users: UsersService,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.timeline.subscribe(({ name, data }) => {
      const message = JSON.stringify({ event: name, data });
      for (const client of this.server.clients) {
        if (client.readyState === OPEN) client.send(message);
      }
    });
  }

  /** What DemoSessionGuard does for requests: guards see no handshake. */
  handleConnection(client: WebSocket): void {
    const connection = liveConnectionOf(client);
    if (this.config.production && connection && isDemoUserId(connection.user.id)) {
      client.close(SESSION_ENDED, 'session_invalid');
    }
  }

  onModuleDestroy(): void {
    this.unsubscribe?.();
  }

  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }

  @Roles('moderator', 'admin')
  @SubscribeMessage('announce')
  async announce(@MessageBody() body: unknown, @CurrentUser() user: UserState): Promise<void> {
    const text = (body as { text?: unknown } | null)?.text;
    if (typeof text !== 'string' || !/\S/.test(text) || text.length > MAX_LENGTH) {
      throw new SessionError('bad_request', {
        detail: `An announcement's text has 1–${MAX_LENGTH} characters`,
      });
    }
    const { username } = await this.users.require(user.id);
    await this.timeline.publish({ name: 'announcement', data: { text, by: username } });
  }
}

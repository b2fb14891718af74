// A chat by socket.io: each message is checked, and a socket ends with its session.
import { Controller, type INestApplication, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  CurrentUser,
  Fresh,
  Roles,
  SessionModule,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import type { Namespace, Socket } from 'socket.io';
import { LoginController } from '../login.controller.js';

@WebSocketGateway({ namespace: 'chat' })
class ChatGateway implements OnGatewayConnection {
  @WebSocketServer() private readonly server!: Namespace;

  async handleConnection(client: Socket): Promise<void> {
    await client.join('lobby');
  }

  @SubscribeMessage('say')
  say(@MessageBody() text: unknown, @CurrentUser() { id }: UserState) {
    this.server.to('lobby').emit('said', { by: id, text: String(text).slice(0, 500) });
    return { ok: true };
  }

  @Roles('editor')
  @SubscribeMessage('announce')
  announce(@MessageBody() text: unknown) {
    this.server.emit('announced', String(text).slice(0, 500));
    return { ok: true };
  }
}

/** Its namespace is for editors: a demotion ends their sockets here, and leaves those in the chat. */
@Roles('editor')
@WebSocketGateway({ namespace: 'desk' })
class DeskGateway {
  @SubscribeMessage('who')
  who(@CurrentUser() { id, roles }: UserState) {
    return { id, roles };
  }
}

@Controller('auth')
class AuthController extends LoginController {}

@Roles('admin')
@Fresh('5m')
@Controller('users')
class UsersController {
  constructor(private readonly users: UserStateService) {}

  @Post(':id/block')
  block(@Param('id') id: string) {
    return this.users.block(id, { reason: 'spam' });
  }
}

@Module({
  imports: [SessionModule.forRoot({ guard: 'global', strict: true, allowMemoryInProduction: true })],
  controllers: [AuthController, UsersController],
  providers: [ChatGateway, DeskGateway],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.useWebSocketAdapter(new SessionIoAdapter(app));
  return app.listen(port, '127.0.0.1').then(() => app);
}

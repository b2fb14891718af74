// The doors besides HTTP that test-pack.mjs tries in the same app: a gateway of `ws`, and messages over TCP.
import 'reflect-metadata';
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { Controller, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  Roles,
  SessionGuard,
  SessionModule,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { lastValueFrom } from 'rxjs';
import { WebSocket } from 'ws';

@WebSocketGateway({ path: '/chat' })
class ChatGateway {
  @SubscribeMessage('me')
  me(@CurrentUser() user: UserState): object {
    return { event: 'me', data: { code: user.id } };
  }

  @Roles('admin')
  @SubscribeMessage('admin')
  admin(): object {
    return { event: 'admin', data: { code: 'ran' } };
  }
}

@UseGuards(SessionGuard)
@Controller()
class Messages {
  @MessagePattern('me')
  me(@CurrentUser() user: UserState): string {
    return user.id;
  }

  @Roles('admin')
  @MessagePattern('admin')
  admin(): string {
    return 'ran';
  }
}

@Module({
  imports: [SessionModule.forRoot({ strict: true })],
  providers: [ChatGateway],
  controllers: [Messages],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: false });
  const tcp = (port: number) => ({ transport: Transport.TCP, options: { host: '127.0.0.1', port } }) as const;
  const port = Number(process.env['TCP_PORT']);
  app.useWebSocketAdapter(new SessionWsAdapter(app));
  app.connectMicroservice(tcp(port));
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const { authorization } = await loginAs(app, { userId: 'alice' });

  const client = ClientProxyFactory.create(tcp(port));
  const send = (pattern: string, payload: object): Promise<unknown> =>
    lastValueFrom(client.send<unknown>(pattern, payload)).catch(({ code }: { code: string }) => code);
  const answers = [send('me', { authorization }), send('me', {}), send('admin', { authorization })];
  assert.deepEqual(await Promise.all(answers), ['alice', 'session_missing', 'forbidden']);

  const url = `${(await app.getUrl()).replace('http', 'ws')}/chat`;
  const stranger = new WebSocket(url);
  stranger.on('error', () => undefined);
  const [, { statusCode }] = (await once(stranger, 'unexpected-response')) as [
    unknown,
    { statusCode: number },
  ];
  assert.equal(statusCode, 401);
  const socket = new WebSocket(url, { headers: { authorization } });
  await once(socket, 'open');
  const say = async (event: string): Promise<unknown> => {
    socket.send(JSON.stringify({ event }));
    const [text] = (await once(socket, 'message')) as [Buffer];
    const { event: name, data } = JSON.parse(text.toString()) as { event: string; data: { code: string } };
    return [name, data.code];
  };
  assert.deepEqual(await say('me'), ['me', 'alice']);
  assert.deepEqual(await say('admin'), ['exception', 'forbidden']);
  const closed = once(socket, 'close');
  await app.get(UserStateService).block('alice', { reason: 'spam' });
  assert.deepEqual([(await closed)[0], await send('me', { authorization })], [4403, 'user_blocked']);

  client.close();
  await app.close();
  console.log('gateways and messages are guarded');
}

void main();

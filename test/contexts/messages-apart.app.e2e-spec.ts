import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  Module,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentUser, Public, SessionModule, SessionService, type UserState } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from '../live/support/clients.js';
import { IoTestClient } from './support/io-client.js';

/** As one that opens a transaction: the client's next message is checked meanwhile. */
class TakesTime implements NestInterceptor {
  async intercept(_: ExecutionContext, next: CallHandler) {
    await sleep(50);
    return next.handle();
  }
}

@WebSocketGateway({ path: '/ws' })
class Gateway {
  @UseInterceptors(TakesTime)
  @SubscribeMessage('me')
  me(@CurrentUser() user: UserState | undefined): unknown {
    return { event: 'you', data: user?.id ?? 'nobody' };
  }

  @Public()
  @UseInterceptors(TakesTime)
  @SubscribeMessage('hello')
  hello(@CurrentUser() user: UserState | undefined): unknown {
    return { event: 'hello', data: user?.id ?? 'nobody' };
  }
}

describe('two messages of one socket at a time', () => {
  const start = async (makeAdapter: (app: INestApplication) => SessionIoAdapter | SessionWsAdapter) => {
    @Module({ imports: [SessionModule.forRoot({ guard: 'global', strict: true })], providers: [Gateway] })
    class App {}
    const app = await NestFactory.create(App, { logger: false });
    app.useWebSocketAdapter(makeAdapter(app));
    await app.listen(0, '127.0.0.1');
    const { token } = await app.get(SessionService).create('ada');
    return { app, url: await app.getUrl(), token };
  };

  it('are each from whom their own handler lets in, behind SessionWsAdapter', async () => {
    const { app, url, token } = await start((one) => new SessionWsAdapter(one));
    const client = await SocketClient.open(url, bearer(token));
    for (const event of ['me', 'hello', 'me']) client.send(event);
    expect(await client.message('you')).toBe('ada');
    expect(await client.message('hello')).toBe('nobody');
    client.close();
    await app.close();
  });

  it('are each from whom their own handler lets in, behind SessionIoAdapter', async () => {
    const { app, url, token } = await start((one) => new SessionIoAdapter(one));
    const client = await IoTestClient.open(url, { path: '/ws', auth: { token } });
    for (const event of ['me', 'hello', 'me']) client.socket.emit(event, { rawHeaders: 1, raw: 1 });
    expect(await client.event('you')).toBe('ada');
    expect(await client.event('hello')).toBe('nobody');
    client.close();
    await app.close();
  });
});

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RateLimit, SessionModule, SessionService } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from '../live/support/clients.js';

const window = '1h';

@RateLimit({ name: 'all', quota: 4, window, by: 'session' })
@WebSocketGateway({ path: '/ws' })
class Gateway {
  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }

  @RateLimit({ name: 'rare', quota: 1, window, by: 'ip' })
  @SubscribeMessage('rare')
  rare(): object {
    return { event: 'done', data: {} };
  }
}

@Public()
@RateLimit({ name: 'knocks', quota: 2, window, by: 'ip' })
@WebSocketGateway({ path: '/public' })
class PublicGateway {
  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: {} };
  }
}

@Module({ imports: [SessionModule.forRoot({ guard: 'global' })], providers: [Gateway, PublicGateway] })
class App {}

describe('quotas of gateways', () => {
  let app: NestExpressApplication;
  let url: string;
  let headers: Record<string, string>;
  const opened: SocketClient[] = [];
  const open = async (path: string): Promise<SocketClient> => {
    const socket = await SocketClient.open(url, headers, path);
    opened.push(socket);
    return socket;
  };
  beforeEach(async () => {
    app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    app.useWebSocketAdapter(new SessionWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    const { token } = await app.get(SessionService).create('ada');
    headers = { ...bearer(token) };
  });
  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.close();
    await app.close();
  });

  it('of a session count its handshakes and messages, and leave the connection open', async () => {
    const socket = await open('/ws'); // 1
    for (const _ of [2, 3, 4, 5]) socket.send('ping');
    expect(await socket.message('exception')).toMatchObject({ code: 'rate_limited', status: 429 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const events = socket.messages.map(({ event }) => event);
    expect(events.sort()).toEqual(['exception', 'pong', 'pong', 'pong']);
    expect(socket.end).toBeUndefined();
    const { status, body, headers: replied } = await SocketClient.refusal(url, headers);
    expect({ status, code: body['code'] }).toEqual({ status: 429, code: 'rate_limited' });
    expect(Number(replied['retry-after'])).toBeGreaterThan(0);
  });

  it('by client IP count the messages of their handler', async () => {
    const socket = await open('/ws');
    socket.send('rare');
    await socket.message('done');
    socket.send('rare');
    expect(await socket.message('exception')).toMatchObject({ code: 'rate_limited' });
  });

  it('by client IP count what comes from nobody', async () => {
    headers = {};
    const socket = await open('/public');
    socket.send('ping');
    await socket.message('pong');
    socket.send('ping');
    expect(await socket.message('exception')).toMatchObject({ code: 'rate_limited' });
    expect((await SocketClient.refusal(url, headers, '/public')).status).toBe(429);
  });
});

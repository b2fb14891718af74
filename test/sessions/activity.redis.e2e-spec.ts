import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Passive, SessionModule, SessionService } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from '../live/support/clients.js';
import { PATIENT_MS } from '../support/patience.js';
import { RedisServer } from '../support/redis-server.js';

@WebSocketGateway({ path: '/ws' })
class Gateway {
  @Passive()
  @SubscribeMessage('poll')
  poll(): object {
    return { event: 'polled', data: {} };
  }
  @SubscribeMessage('say')
  say(): object {
    return { event: 'said', data: {} };
  }
}

describe('activity, in Redis', () => {
  let server: RedisServer;
  let app: NestExpressApplication;
  let sessions: SessionService;
  let token: string;
  const lastSeenAt = async () => (await sessions.list('alice'))[0]?.lastSeenAt ?? 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    const { url } = server;
    @Module({
      imports: [
        SessionModule.forRoot({
          redis: url,
          guard: 'global',
          touchInterval: 0,
          commandTimeoutMs: PATIENT_MS,
        }),
      ],
      providers: [Gateway],
    })
    class AppModule {}
    app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
    app.useWebSocketAdapter(new SessionWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    sessions = app.get(SessionService);
    ({ token } = await sessions.create('alice'));
  });
  afterAll(async () => {
    await app.close();
    await server.stop();
  });

  it('is not what a passive check sees', async () => {
    const before = await lastSeenAt();
    await sleep(20);
    await sessions.authenticate(token, { roleGroups: [], passive: true });
    expect(await lastSeenAt()).toBe(before);
    await sessions.authenticate(token, { roleGroups: [] });
    expect(await lastSeenAt()).toBeGreaterThan(before);
  });

  it('is not a passive message', async () => {
    const socket = await SocketClient.open(await app.getUrl(), bearer(token));
    const before = await lastSeenAt();
    await sleep(20);
    socket.send('poll');
    await socket.message('polled');
    expect(await lastSeenAt()).toBe(before);
    socket.send('say');
    await socket.message('said');
    expect(await lastSeenAt()).toBeGreaterThan(before);
    socket.close();
  });
});

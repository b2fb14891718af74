import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { Public, SessionModule } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { SessionWsAdapter } from '@latchkey/session/ws';

@Public()
@WebSocketGateway({ path: '/open' })
class Open {}

@Module({ imports: [SessionModule.forRoot()], providers: [Open] })
class App {}

const PAYLOAD_BYTES = 125;
/** With a mask of zeroes. */
const PING = Buffer.concat([
  Buffer.from([0x89, 0x80 | PAYLOAD_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(PAYLOAD_BYTES),
]);
const PINGS = Buffer.concat(Array.from({ length: 8_192 }, () => PING));

describe('a client that pings and reads no pong', () => {
  it.each([
    ['SessionWsAdapter', '/open', (app: INestApplication) => new SessionWsAdapter(app)],
    [
      'SessionIoAdapter',
      '/open/?EIO=4&transport=websocket',
      (app: INestApplication) => new SessionIoAdapter(app),
    ],
  ])('is dropped, behind %s', async (_, path, makeAdapter) => {
    const app = await NestFactory.create(App, { logger: false });
    app.useWebSocketAdapter(makeAdapter(app));
    await app.listen(0, '127.0.0.1');
    const socket = connect(Number(new URL(await app.getUrl()).port), '127.0.0.1');
    let isOver = false;
    socket.on('error', () => undefined);
    const over = new Promise<void>((resolve) => socket.on('close', resolve)).then(() => (isOver = true));
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(String(head)).toContain('101 Switching Protocols');
    socket.pause();
    // 40 MB, of which the operating system keeps some.
    for (let i = 0; i < 40 && !isOver; i++)
      await Promise.race([new Promise((sent) => socket.write(PINGS, sent)), over]);
    await Promise.race([over, sleep(1_000)]);
    expect(isOver).toBe(true);
    await app.close();
  });
});

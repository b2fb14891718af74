import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { io } from 'socket.io-client';
import { type ContextKit, describeContext, type Outcome } from './support/describe-context.js';

const kit: Omit<ContextKit, 'name' | 'connect'> = {
  among: 'providers',
  onMethod: (name) => SubscribeMessage(name),
  onClass: WebSocketGateway({ namespace: 'contract' }),
  prepare: (app) => void app.useWebSocketAdapter(new SessionIoAdapter(app)),
};

/** A client that is told by an acknowledgement, the event `exception`, or why it was refused or ended. */
const connectBy =
  (transport: 'polling' | 'websocket'): ContextKit['connect'] =>
  async (app, token) => {
    const socket = io(`${await app.getUrl()}/contract`, {
      transports: [transport],
      auth: token === undefined ? {} : { token },
      forceNew: true,
      reconnection: false,
    });
    const over = new Promise<Outcome>((resolve) => {
      socket.once('connect_error', (error) => resolve((error as Error & { data: { code: string } }).data));
      socket.once('session-ended', resolve);
    }).then((end) => ({ code: (end as { code: unknown }).code }));
    await Promise.race([over, new Promise((resolve) => socket.once('connect', () => resolve(undefined)))]);
    return {
      call: (handler) =>
        Promise.race([
          over,
          new Promise<Outcome>((resolve) => {
            socket.once('exception', ({ code }: { code: string }) => resolve({ code }));
            socket.emit(handler, {}, (value: unknown) => resolve({ value }));
          }),
        ]),
      close: () => void socket.disconnect(),
    };
  };

describeContext({ ...kit, name: 'socket.io by WebSocket', connect: connectBy('websocket') });
describeContext({
  ...kit,
  name: 'socket.io by polling, on Fastify',
  adapter: () => new FastifyAdapter(),
  connect: connectBy('polling'),
});

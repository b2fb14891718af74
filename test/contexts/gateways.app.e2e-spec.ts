import { type INestApplication, type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { Public, SessionError, SessionModule } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { WebSocket } from 'ws';

@Public()
@WebSocketGateway({ path: '/messages' })
class Messages {
  @SubscribeMessage('public')
  public() {
    return { event: 'public', data: 'ran' };
  }

  @SubscribeMessage('throws-ours')
  throwsOurs() {
    throw new SessionError('user_blocked', {
      block: { reason: 'spam', by: 'mia', at: 5 },
      cause: new Error('secret'),
    });
  }

  @SubscribeMessage('throws-its-own')
  throwsItsOwn() {
    throw new WsException({ own: true });
  }
}

class Lines implements LoggerService {
  readonly errors: string[] = [];
  log() {}
  warn() {}
  error(...line: unknown[]) {
    this.errors.push(line.map(String).join(' '));
  }
}

interface Client {
  ask(event: string): Promise<unknown>;
  close(): void;
}

async function nativeClient(url: string): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/messages`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    ask: (event) =>
      new Promise((resolve) => {
        socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString('utf8'))));
        socket.send(JSON.stringify({ event, data: {} }));
      }),
    close: () => socket.terminate(),
  };
}

/** Of socket.io's protocol, the little that a client needs to be asked and answered. */
async function ioClient(url: string): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/messages/?EIO=4&transport=websocket`);
  const next = (prefix: string) =>
    new Promise<string>((resolve) => {
      const listen = (data: Buffer) => {
        const text = data.toString('utf8');
        if (text === '2') socket.send('3');
        if (!text.startsWith(prefix)) return;
        socket.off('message', listen);
        resolve(text.slice(prefix.length));
      };
      socket.on('message', listen);
    });
  await next('0');
  socket.send('40');
  await next('40');
  return {
    ask: async (name) => {
      const reply = next('42');
      socket.send(`42${JSON.stringify([name, {}])}`);
      const [event, data] = JSON.parse(await reply) as [string, unknown];
      return { event, data };
    },
    close: () => socket.terminate(),
  };
}

const ADAPTERS = {
  WsAdapter: { make: (app: INestApplication) => new WsAdapter(app), connect: nativeClient },
  SessionWsAdapter: { make: (app: INestApplication) => new SessionWsAdapter(app), connect: nativeClient },
  IoAdapter: { make: (app: INestApplication) => new IoAdapter(app), connect: ioClient },
};

describe.each(
  Object.entries(ADAPTERS).flatMap(([name, adapter]) =>
    (['global', undefined] as const).map((guard) => [name, guard, adapter] as const),
  ),
)('messages to a gateway behind %s with guard: %s', (_name, guard, { make, connect }) => {
  const logger = new Lines();
  let app: INestApplication;
  let client: Client;

  beforeAll(async () => {
    @Module({ imports: [SessionModule.forRoot(guard && { guard })], providers: [Messages] })
    class App {}
    app = await NestFactory.create(App, { logger });
    app.useWebSocketAdapter(make(app));
    await app.listen(0, '127.0.0.1');
    client = await connect(await app.getUrl());
    logger.errors.length = 0;
  });
  afterAll(async () => {
    client.close();
    await app.close();
  });

  it('run when they are public', async () => {
    expect(await client.ask('public')).toEqual({ event: 'public', data: 'ran' });
  });

  it('are answered with the problem that their handler threw, and no line in the log', async () => {
    for (let i = 0; i < 20; i++) {
      expect(await client.ask('throws-ours')).toEqual({
        event: 'exception',
        data: {
          type: 'urn:problem-type:latchkey:user_blocked',
          title: 'The user is blocked',
          status: 403,
          detail: 'The user is blocked',
          code: 'user_blocked',
          block: { reason: 'spam' },
        },
      });
    }
    expect(await client.ask('throws-its-own')).toEqual({ event: 'exception', data: { own: true } });
    expect(logger.errors).toEqual([]);
  });
});

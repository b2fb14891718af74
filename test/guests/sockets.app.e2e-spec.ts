import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AllowGuests,
  CurrentSession,
  CurrentUser,
  OptionalSession,
  Roles,
  type Session,
  SessionModule,
  SessionService,
  type UserState,
} from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { once } from 'node:events';
import { WebSocket } from 'ws';

const seen = (session?: Session, user?: UserState) => ({
  event: 'seen',
  data: { session: session?.id ?? null, isGuest: session?.isGuest ?? false, user: user?.id ?? null },
});

@AllowGuests()
@WebSocketGateway({ path: '/cart' })
class Cart {
  @SubscribeMessage('who')
  who(@CurrentSession() session: Session, @CurrentUser() user?: UserState) {
    return seen(session, user);
  }

  @OptionalSession()
  @SubscribeMessage('maybe')
  maybe(@CurrentSession() session?: Session, @CurrentUser() user?: UserState) {
    return seen(session, user);
  }

  @Roles('admin')
  @SubscribeMessage('admin')
  admin() {
    return seen();
  }
}

@OptionalSession()
@WebSocketGateway({ path: '/news' })
class News {
  @AllowGuests()
  @SubscribeMessage('guests')
  guests(@CurrentSession() session: Session, @CurrentUser() user?: UserState) {
    return seen(session, user);
  }

  @Roles('admin')
  @SubscribeMessage('admin')
  admin() {
    return seen();
  }

  @SubscribeMessage('who')
  who(@CurrentSession() session?: Session, @CurrentUser() user?: UserState) {
    return seen(session, user);
  }
}

@WebSocketGateway({ path: '/plain' })
class Plain {
  @SubscribeMessage('who')
  who() {
    return seen();
  }
}

@Module({
  imports: [SessionModule.forRoot({ allowMemoryInProduction: true, guests: true, strict: true })],
  providers: [Cart, News, Plain],
})
class App {}

describe('a guest on a WebSocket', () => {
  let app: INestApplication;
  let sessions: SessionService;
  let sockets: WebSocket[] = [];
  beforeAll(async () => {
    app = await NestFactory.create(App, { logger: false });
    app.useWebSocketAdapter(new SessionWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    sessions = app.get(SessionService);
  });
  afterEach(() => {
    for (const socket of sockets) socket.terminate();
    sockets = [];
  });
  afterAll(() => app.close());

  async function open(path: string, token: string) {
    const url = `${(await app.getUrl()).replace('http', 'ws')}${path}`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    sockets.push(socket);
    const refusal = once(socket, 'unexpected-response').then(
      ([, reply]) => (reply as { statusCode: number }).statusCode,
    );
    socket.on('error', () => undefined);
    refusal.catch(() => undefined);
    const status = await Promise.race([once(socket, 'open').then(() => 101), refusal]);
    const ask = async (event: string) => {
      socket.send(JSON.stringify({ event }));
      const [data] = (await once(socket, 'message')) as [Buffer];
      return (JSON.parse(data.toString()) as { data: unknown }).data;
    };
    const closed = once(socket, 'close').then(([code]) => code as number);
    closed.catch(() => undefined);
    return { status, ask, closed };
  }

  it('comes in where guests are meant, and is ended by a login', async () => {
    const { token, session } = await sessions.createGuest();
    const { status, ask, closed } = await open('/cart', token);
    expect(status).toBe(101);
    expect(await ask('who')).toEqual({ session: session.id, isGuest: true, user: null });
    expect(await ask('maybe')).toEqual({ session: null, isGuest: false, user: null });
    await sessions.create('ada', { from: token });
    expect(await closed).toBe(4401);
  });

  it('is refused what is for users', async () => {
    const { token } = await sessions.createGuest();
    expect((await open('/plain', token)).status).toBe(401);
    for (const path of ['/cart', '/news']) {
      const { ask } = await open(path, token);
      expect(await ask('admin')).toMatchObject({ code: 'session_missing' });
      expect(await ask('who')).toBeDefined(); // the connection goes on
    }
  });

  it('is nobody where a session is optional, but for messages that are for guests', async () => {
    const { token, session } = await sessions.createGuest();
    const { status, ask } = await open('/news', token);
    expect(status).toBe(101);
    expect(await ask('who')).toEqual({ session: null, isGuest: false, user: null });
    expect(await ask('guests')).toEqual({ session: session.id, isGuest: true, user: null });
  });
});

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { Public, RateLimit, SessionModule, SessionService } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { IoClientState } from '../../libs/session/src/socket.io/clients.js';
import { IoTestClient } from './support/io-client.js';

@Public()
@WebSocketGateway({ namespace: 'full' })
class FullGateway {
  afterInit(namespace: { use(middleware: (socket: object, next: (error: Error) => void) => void): void }) {
    namespace.use((_, next) => next(new Error('No room')));
  }
}

@RateLimit({ name: 'joins', quota: 1, window: '1h', by: 'user' })
@WebSocketGateway({ namespace: 'limited' })
class LimitedGateway {}

@Public()
@WebSocketGateway()
class RootGateway {}

@Module({ imports: [SessionModule.forRoot()], providers: [FullGateway, LimitedGateway, RootGateway] })
class App {}

it('nothing is kept of namespaces that a connection was refused', async () => {
  const bind = jest.spyOn(IoClientState.prototype, 'bind');
  const app = await NestFactory.create(App, { logger: false });
  app.useWebSocketAdapter(new SessionIoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { token } = await app.get(SessionService).create('ada');
  const url = await app.getUrl();
  const client = await IoTestClient.open(url);
  const [state] = bind.mock.contexts;
  const kept = () =>
    ['bindings', 'onGone'].map((name) => (Reflect.get(state as object, name) as Set<unknown>).size);
  const before = kept();
  for (let i = 0; i < 10; i++) expect(await client.join('/full')).toMatchObject({ message: 'No room' });
  expect(kept()).toEqual(before);
  const other = await IoTestClient.open(`${url}/limited`, { auth: { token } });
  for (let i = 0; i < 10; i++)
    expect(await client.join('/limited', { token })).toMatchObject({ data: { code: 'rate_limited' } });
  expect(kept()).toEqual(before);
  other.close();
  client.close();
  await app.close();
});

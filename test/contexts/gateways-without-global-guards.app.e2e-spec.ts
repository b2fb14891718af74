import { type INestApplication, Module } from '@nestjs/common';
import { ApplicationConfig, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentUser, Public, Roles, SessionModule, SessionService, type UserState } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from '../live/support/clients.js';
import { IoTestClient } from './support/io-client.js';

// Nest 11 runs global guards for HTTP only: neither ours nor those of the app stand before a gateway there.
describe('messages where Nest runs no global guards for gateways', () => {
  const start = async (makeAdapter: (app: INestApplication) => SessionIoAdapter | SessionWsAdapter) => {
    const ran: string[] = [];
    @WebSocketGateway({ path: '/ws' })
    class Gateway {
      @SubscribeMessage('me')
      me(@CurrentUser() user: UserState): unknown {
        return { event: 'you', data: { id: user.id } };
      }
      @Roles('admin')
      @SubscribeMessage('wipe')
      wipe(): void {
        ran.push('wipe');
      }
    }
    @Module({ imports: [SessionModule.forRoot({ guard: 'global', strict: true })], providers: [Gateway] })
    class App {}
    const app = await NestFactory.create(App, { logger: false });
    app.useWebSocketAdapter(makeAdapter(app));
    const config = app.get(ApplicationConfig);
    jest.spyOn(config, 'getGlobalGuards').mockReturnValue([]);
    await app.listen(0, '127.0.0.1');
    const { token } = await app.get(SessionService).create('ada');
    return { app, ran, url: await app.getUrl(), token };
  };

  it('are checked all the same, behind SessionWsAdapter', async () => {
    const { app, ran, url, token } = await start((one) => new SessionWsAdapter(one));
    const client = await SocketClient.open(url, bearer(token));
    client.send('me');
    expect(await client.message('you')).toEqual({ id: 'ada' });
    client.send('wipe');
    expect(await client.message('exception')).toMatchObject({ code: 'forbidden' });
    expect(ran).toEqual([]);
    client.close();
    await app.close();
  });

  it('are checked all the same, behind SessionIoAdapter', async () => {
    const { app, ran, url, token } = await start((one) => new SessionIoAdapter(one));
    const client = await IoTestClient.open(url, { path: '/ws', auth: { token } });
    expect(await client.say('me')).toEqual(['you', { id: 'ada' }]);
    expect(await client.say('wipe')).toEqual(['exception', expect.objectContaining({ code: 'forbidden' })]);
    expect(ran).toEqual([]);
    client.close();
    await app.close();
  });

  it('stop the boot with strict, where another adapter leaves them to such a guard', async () => {
    @WebSocketGateway()
    class Open {
      @Public()
      handleConnection(): void {}
      @SubscribeMessage('wipe')
      wipe(): void {}
    }
    @Module({ imports: [SessionModule.forRoot({ guard: 'global', strict: true })], providers: [Open] })
    class App {}
    const app = await NestFactory.create(App, { logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    await expect(app.init()).rejects.toMatchObject({ option: 'Open.wipe' });
    await app.close();
  });
});

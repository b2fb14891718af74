import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { IpAllowlist, Public, RateLimit, Roles, SessionModule, SessionService } from '@latchkey/session';
import { SessionIoAdapter } from '@latchkey/session/socket.io';
import type { Namespace } from 'socket.io';
import { IoClientState } from '../../libs/session/src/socket.io/clients.js';
import { IoTestClient, until } from './support/io-client.js';

import {
  OptionalGateway,
  PublicGateway,
  RoomGateway,
  RootGateway,
  StaffGateway,
  startIoNode,
} from './support/io-node.js';

describe('an app', () => {
  const boot = async (
    providers: readonly Function[],
    make: (app: INestApplication) => SessionIoAdapter = (app) => new SessionIoAdapter(app),
  ): Promise<unknown> => {
    @Module({ imports: [SessionModule.forRoot({ guard: 'global' })], providers: providers as never })
    class App {}
    const app = await NestFactory.create(App, { logger: false, abortOnError: false });
    try {
      app.useWebSocketAdapter(make(app));
      await app.init();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await app.close().catch(() => undefined);
    }
  };

  it('with connectionStateRecovery does not start', async () => {
    @WebSocketGateway({ connectionStateRecovery: {} })
    class Recovering {}
    expect(await boot([Recovering])).toMatchObject({ option: 'connectionStateRecovery' });
  });

  it('with connectionStateRecovery by an adapter of its own does not start either', async () => {
    class Own extends SessionIoAdapter {
      override createIOServer(port: number, options?: Parameters<SessionIoAdapter['createIOServer']>[1]) {
        return super.createIOServer(port, { ...options, connectionStateRecovery: {} } as typeof options);
      }
    }
    expect(await boot([PublicGateway], (app) => new Own(app))).toMatchObject({
      option: 'connectionStateRecovery',
    });
  });

  it('with WebTransport does not start', async () => {
    @WebSocketGateway({ transports: ['webtransport'] })
    class Modern {}
    expect(await boot([Modern])).toMatchObject({ option: 'transports' });
  });

  it('with gateways of one namespace that let in different people does not start', async () => {
    @Roles('admin')
    @WebSocketGateway({ namespace: '/staff' })
    class Other {}
    expect(await boot([StaffGateway, Other])).toMatchObject({ option: 'Other' });
    @WebSocketGateway({ namespace: '/' })
    class SameAsRoot {}
    expect(await boot([RootGateway, SameAsRoot])).toBeUndefined();
  });

  it('whose dynamic namespace is also for a stricter one does not start', async () => {
    @Roles('admin')
    @WebSocketGateway({ namespace: '/room-1' })
    class OneRoom {}
    // If the stricter one is there first, socket.io keeps them apart.
    const failures = [await boot([RoomGateway, OneRoom]), await boot([OneRoom, RoomGateway])];
    expect(failures.filter(Boolean)).toEqual([expect.objectContaining({ option: 'OneRoom' })]);
  });

  it.each([
    ['a list of the gateway', 'office', undefined, 400],
    ['a list of a handler', '', undefined, 400],
    ["a list of the user's", 'free', ['198.51.100.7/32'], 400],
    ['no list', 'free', undefined, 200],
  ])(
    'whose sockets depend on %s: polling goes on from there only',
    async (_what, namespace, ipAllowlist, status) => {
      @IpAllowlist(['198.51.100.0/24'])
      @WebSocketGateway({ namespace: 'office' })
      class OfficeGateway {}
      @WebSocketGateway()
      class MixedGateway {
        @IpAllowlist(['203.0.113.0/24'])
        @SubscribeMessage('inside')
        inside() {}
      }
      @WebSocketGateway({ namespace: 'free' })
      class FreeGateway {}
      const node = await startIoNode({
        gateways: [MixedGateway, OfficeGateway, FreeGateway],
        session: { trustProxy: 1 },
      });
      const { token, userId } = await node.user();
      if (ipAllowlist) await node.users.setIpAllowlist(userId, ipAllowlist);
      const path = namespace === '' ? '' : `/${namespace},`;
      const say = (ip: string, query: string, body?: string) =>
        fetch(`${node.url}/socket.io/?EIO=4&transport=polling${query}`, {
          headers: { 'x-forwarded-for': ip },
          ...(body === undefined ? {} : { method: 'POST', body }),
        });
      const office = '198.51.100.7';
      const { sid } = JSON.parse((await (await say(office, '')).text()).slice(1)) as { sid: string };
      expect((await say(office, `&sid=${sid}`, `40${path}${JSON.stringify({ token })}`)).status).toBe(200);
      expect(await (await say(office, `&sid=${sid}`)).text()).toContain(`40${path}{"sid"`);
      expect((await say('203.0.113.9', `&sid=${sid}`, `42${path}["ping",1]`)).status).toBe(status);
      expect((await say(office, `&sid=${sid}`, `42${path}["ping",1]`)).status).toBe(200);
      await node.stop();
    },
  );

  it('takes no cookie by JSONP, which any page can send', async () => {
    const node = await startIoNode();
    const { token } = await node.user();
    const say = async (query: string, init: RequestInit = {}): Promise<string> => {
      const headers = { cookie: `__Host-session=${token}` };
      return (
        await fetch(`${node.url}/socket.io/?EIO=4&transport=polling&j=0${query}`, { headers, ...init })
      ).text();
    };
    const sid = /sid\\":\\"([^\\]+)/.exec(await say(''))?.[1];
    await say(`&sid=${sid}`, {
      method: 'POST',
      body: 'd=40',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(await say(`&sid=${sid}`)).toContain('cross_origin');
    await node.stop();
  });

  it('whose gateway belongs to another SessionModule than the adapter does not start', async () => {
    const realm = (name: string) =>
      SessionModule.forRoot({ isGlobal: false, keyPrefix: name, cookie: { name: `__Host-${name}` } });
    @WebSocketGateway({ namespace: 'shop' })
    class ShopGateway {}
    @WebSocketGateway({ namespace: 'office' })
    class OfficeGateway {}
    @Module({ imports: [realm('shop')], providers: [ShopGateway] })
    class ShopModule {}
    @Module({ imports: [realm('office')], providers: [OfficeGateway] })
    class OfficeModule {}
    @Module({ imports: [ShopModule, OfficeModule] })
    class App {}
    const app = await NestFactory.create(App, { logger: false, abortOnError: false });
    app.useWebSocketAdapter(new SessionIoAdapter(app));
    await expect(app.init()).rejects.toMatchObject({
      message: expect.stringContaining('a SessionModule that SessionIoAdapter does not serve') as string,
    });
    await app.close().catch(() => undefined);
  });

  it('gives nobody a namespace that has no gateway', async () => {
    const node = await startIoNode({ gateways: [OptionalGateway], session: { strict: false } });
    node.app.get(OptionalGateway).server.server.of('/own');
    for (const namespace of ['', '/own'])
      expect((await IoTestClient.refusal(node.url + namespace)).data).toMatchObject({
        code: 'forbidden',
        detail: 'No gateway serves this namespace',
      });
    await node.stop();
  });
});

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
class EmptyRootGateway {}

@Module({ imports: [SessionModule.forRoot()], providers: [FullGateway, LimitedGateway, EmptyRootGateway] })
class JoinsApp {}

it('nothing is kept of namespaces that a connection was refused', async () => {
  const bind = jest.spyOn(IoClientState.prototype, 'bind');
  const app = await NestFactory.create(JoinsApp, { logger: false });
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

it('a connection is in 64 namespaces at most, also where anybody may be in as many as there are', async () => {
  @Public()
  @WebSocketGateway({ namespace: /^\/table-\d+$/ })
  class TableGateway {
    @WebSocketServer() readonly server!: Namespace;
  }
  const node = await startIoNode({ gateways: [TableGateway, PublicGateway], session: { strict: false } });
  const client = await IoTestClient.open(`${node.url}/public`);
  const namespaces = Reflect.get(node.app.get(TableGateway).server.server, '_nsps') as Map<string, unknown>;
  const isThere = (name: string): boolean => namespaces.has(name);
  for (let i = 1; i < 64; i++) expect(await client.join(`/table-${i}`)).toBeInstanceOf(IoTestClient);
  expect(await client.join('/table-64')).toMatchObject({
    data: { code: 'too_many_connections', status: 429 },
  });
  expect(isThere('/table-64')).toBe(false);
  // One that it has left makes room.
  client.socket.io.socket('/table-1').disconnect();
  await until(() => !isThere('/table-1'), 'it to have left');
  expect(await client.join('/table-64')).toBeInstanceOf(IoTestClient);
  client.close();
  await node.stop();
});

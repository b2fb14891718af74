import { All, Controller, Get, Injectable, Scope, Sse, Version, VersioningType } from '@nestjs/common';
import { ClientProxyFactory, EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { firstValueFrom, of, timeout } from 'rxjs';
import { WebSocket } from 'ws';
import { decorate, type Kind, type Subject, type Target } from './kind.js';
import { OPERATIONS } from './kinds-graphql.js';
import { GRPC } from './kinds-grpc.js';

const EMPTY = { async: undefined };
const PATIENCE_MS = 120;
const later = () => new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));

function controller(
  target: Target,
  route: MethodDecorator,
  answer: () => unknown,
  scope = Scope.DEFAULT,
): Subject {
  class Subject {
    act() {
      target.ran();
      return answer();
    }
  }
  decorate(
    Subject,
    'act',
    [route, ...target.onHandler],
    [Controller({ path: 'at', scope }), ...target.onClass],
  );
  return { owner: Subject, module: { controllers: [Subject] } };
}

const get =
  (path = '/at') =>
  async ({ url }: { url: string }): Promise<void> => {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(2_000) });
    await response.text();
  };

const ok = () => ({ ok: true });

const HTTP: readonly Kind[] = [
  { name: '@Get()', app: 'http', subject: (target) => controller(target, Get(), ok), call: get() },
  {
    name: '@All()',
    isVariant: true,
    app: 'http',
    subject: (target) => controller(target, All(), ok),
    call: get(),
  },
  {
    name: '@Sse()',
    isVariant: true,
    app: 'http',
    subject: (target) => controller(target, Sse(), () => of({ data: 'x' })),
    call: get(),
  },
  {
    name: '@Version() below a prefix',
    isVariant: true,
    app: 'http',
    subject: (target) => controller({ ...target, onHandler: [Version('1'), ...target.onHandler] }, Get(), ok),
    prepare: (app) => app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI }),
    call: get('/api/v1/at'),
  },
  {
    name: 'a request-scoped controller',
    isVariant: true,
    app: 'http',
    subject: (target) => controller(target, Get(), ok, Scope.REQUEST),
    call: get(),
  },
  {
    name: 'a handler that is inherited',
    isVariant: true,
    app: 'http',
    subject: (target) => {
      abstract class Base {
        act() {
          target.ran();
          return ok();
        }
      }
      decorate(Base as never, 'act', [Get(), ...target.onHandler], target.onClass);
      class Subject extends Base {}
      Controller('at')(Subject);
      return { owner: Subject, module: { controllers: [Subject] } };
    },
    call: get(),
  },
];

function gateway(target: Target): Subject {
  class Subject {
    act() {
      target.ran();
      return { event: 'done' };
    }
  }
  decorate(
    Subject,
    'act',
    [SubscribeMessage('act'), ...target.onHandler],
    [WebSocketGateway({ path: '/ws' }), Injectable(), ...target.onClass],
  );
  return { owner: Subject, module: { providers: [{ provide: 'gateway', useClass: Subject }] } };
}

async function send({ url }: { url: string }): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  await new Promise<void>((resolve) => {
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.on('message', () => resolve());
    socket.on('open', () => {
      socket.send(JSON.stringify({ event: 'act', data: {} }));
      void later().then(() => resolve());
    });
  });
  socket.terminate();
}

const WEB_SOCKET: readonly Kind[] = [
  {
    name: 'a gateway with SessionWsAdapter',
    app: 'http',
    subject: gateway,
    prepare: (app) => app.useWebSocketAdapter(new SessionWsAdapter(app)),
    call: send,
  },
  {
    name: "a gateway with Nest's WsAdapter",
    app: 'http',
    subject: gateway,
    prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
    call: send,
  },
];

/** Its client is not there to be asked: the boot check has to refuse it. */
export const SOCKET_IO: Kind = {
  name: 'a gateway with socket.io',
  app: 'http',
  subject: gateway,
  prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
  call: async () => undefined,
};

/** A port of its own; there is no server of HTTP to share. */
export const SOCKET_OF_MICROSERVICE: Kind = { ...SOCKET_IO, name: 'a gateway of a microservice', app: 'rpc' };

const rpc = (name: string, app: Kind['app'], isEvent = false): Kind => ({
  name,
  app,
  isVariant: isEvent,
  subject: (target) =>
    controller(
      target,
      isEvent ? (EventPattern('act') as MethodDecorator) : MessagePattern({ cmd: 'act' }),
      ok,
    ),
  call: async ({ tcpPort }) => {
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: tcpPort },
    });
    const asked = isEvent ? client.emit('act', {}) : client.send({ cmd: 'act' }, {});
    await firstValueFrom(asked.pipe(timeout(PATIENCE_MS)), { defaultValue: EMPTY }).catch(() => undefined);
    if (isEvent) await later();
    void client.close();
  },
});

const RPC: readonly Kind[] = [
  rpc('a message of a microservice', 'rpc'),
  rpc('an event of a microservice', 'rpc', true),
  rpc('a message of a hybrid app', 'hybrid'),
  rpc('a message of a hybrid app with inheritAppConfig', 'hybrid-inheriting'),
];

export const KINDS: readonly Kind[] = [...HTTP, ...WEB_SOCKET, ...RPC, ...GRPC, ...OPERATIONS];

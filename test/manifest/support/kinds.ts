import {
  All,
  Controller,
  Get,
  Injectable,
  Scope,
  Sse,
  Version,
  VersioningType,
  type INestApplication,
  type INestMicroservice,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Field,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { ClientProxyFactory, EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { firstValueFrom, of, timeout } from 'rxjs';
import { WebSocket } from 'ws';

/** What stands on one handler and its class. */
export interface Target {
  readonly onHandler: readonly MethodDecorator[];
  readonly onClass: readonly ClassDecorator[];
  /** Called whenever the handler runs. */
  readonly ran: () => void;
}

export interface Subject {
  readonly owner: Type;
  readonly module: ModuleMetadata;
}

/** One way in which Nest lets clients call a method. */
export interface Kind {
  readonly name: string;
  /** `http`: an app; `hybrid`: one with a microservice beside it; `rpc`: a microservice alone. */
  readonly app: 'http' | 'hybrid' | 'hybrid-inheriting' | 'rpc';
  /** Much like another one: a few decorators will do. */
  readonly isVariant?: boolean;
  readonly subject: (target: Target) => Subject;
  readonly prepare?: (app: INestApplication) => void;
  /** Asks for it as nobody, and resolves when the handler had time to run. */
  readonly call: (at: { readonly url: string; readonly tcpPort: number }) => Promise<void>;
}

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

function decorate(
  owner: Type,
  method: string,
  onMethod: readonly MethodDecorator[],
  onClass: readonly ClassDecorator[],
): void {
  const prototype = owner.prototype as object;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, method)!;
  for (const one of onMethod) one(prototype, method, descriptor);
  for (const one of onClass) one(owner);
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

@ObjectType()
class Post {
  @Field(() => Int)
  id!: number;
}

const graphqlModule = (enhancers?: ('guards' | 'filters')[]) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    ...(enhancers ? { fieldResolverEnhancers: enhancers } : {}),
  });

const ask =
  (query: string) =>
  async ({ url }: { url: string }): Promise<void> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    await response.text();
  };

/** A schema without a query is none. */
function alive(): Type {
  class Alive {
    alive() {
      return 1;
    }
    post() {
      return { id: 1 };
    }
  }
  decorate(Alive, 'alive', [Query(() => Int), Public()], []);
  decorate(Alive, 'post', [Query(() => Post), Public()], [Resolver()]);
  return Alive;
}

function resolver(
  target: Target,
  how: MethodDecorator,
  of?: Type,
  enhancers?: ('guards' | 'filters')[],
): Subject {
  class Subject {
    act() {
      target.ran();
      return 1;
    }
  }
  decorate(
    Subject,
    'act',
    [how, ...target.onHandler],
    [of ? Resolver(() => of) : Resolver(), ...target.onClass],
  );
  return { owner: Subject, module: { imports: [graphqlModule(enhancers)], providers: [Subject, alive()] } };
}

const field = () => ResolveField('act', () => Int);

const GRAPHQL: readonly Kind[] = [
  {
    name: 'a query',
    app: 'http',
    subject: (target) =>
      resolver(
        target,
        Query(() => Int),
      ),
    call: ask('{ act }'),
  },
  {
    name: 'a mutation',
    isVariant: true,
    app: 'http',
    subject: (target) =>
      resolver(
        target,
        Mutation(() => Int),
      ),
    call: ask('mutation { act }'),
  },
];

/** A field is as open as the operation that leads to it, which is public here; only what it says itself must hold. */
export const FIELDS: readonly Kind[] = [
  {
    name: 'a field',
    app: 'http',
    subject: (target) => resolver(target, field(), Post),
    call: ask('{ post { act } }'),
  },
  {
    name: 'a field with guards',
    app: 'http',
    subject: (target) => resolver(target, field(), Post, ['guards']),
    call: ask('{ post { act } }'),
  },
];

export const KINDS: readonly Kind[] = [...HTTP, ...WEB_SOCKET, ...RPC, ...GRAPHQL];

export type AnyApp = INestApplication | INestMicroservice;

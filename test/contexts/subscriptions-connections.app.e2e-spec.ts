import { on } from 'node:events';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { INestApplication } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  AllowGuests,
  CurrentSession,
  CurrentUser,
  Roles,
  type Session,
  SessionModule,
  SessionService,
  type UserState,
} from '@latchkey/session';
import { GraphqlSubscriptions, type ServerContext, SessionGraphqlModule } from '@latchkey/session/graphql';
import { loginAs } from '@latchkey/session/testing';
import { WebSocket } from 'ws';

@Resolver()
class Mine {
  @Query(() => String, { nullable: true })
  me(@CurrentUser() user: UserState) {
    return user.id;
  }

  @Roles('admin')
  @Subscription(() => String, { resolve: ({ text }: { text: string }) => text })
  async *reports() {
    for (;;) {
      yield { text: 'x' };
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

const silences = new Set<object>();

@Resolver()
class Plain {
  @Query(() => String)
  now() {
    return 'now';
  }

  /** That waits for an event that never comes, as of a PubSub. */
  @Subscription(() => String)
  silence() {
    const source = {
      next: () => new Promise<IteratorResult<unknown>>(() => undefined),
      return: () => {
        silences.delete(source);
        return Promise.reject(new Error('What it listened to is away'));
      },
      [Symbol.asyncIterator]: () => source,
    };
    silences.add(source);
    return source;
  }

  @Subscription(() => String, { resolve: ({ text }: { text: string }) => text })
  async *ticks() {
    yield { text: 'x' };
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
  }
}

@Resolver()
class Carts {
  @AllowGuests()
  @Query(() => String)
  cart(@CurrentSession() session: Session) {
    return session.isGuest ? 'of a guest' : 'of a user';
  }
}

let atServer: WebSocket;
const apollo = GraphQLModule.forRootAsync<ApolloDriverConfig>({
  driver: ApolloDriver,
  inject: [GraphqlSubscriptions],
  useFactory: (subscriptions: GraphqlSubscriptions) => ({
    autoSchemaFile: true,
    subscriptions: {
      'graphql-ws': subscriptions.graphqlWs({
        onConnect: ({ extra }: ServerContext) => {
          atServer = (extra as { socket: WebSocket }).socket;
          return Promise.resolve(true);
        },
      }),
    },
  }),
});
const mercurius = GraphQLModule.forRootAsync<MercuriusDriverConfig>({
  driver: MercuriusDriver,
  inject: [GraphqlSubscriptions],
  useFactory: (subscriptions: GraphqlSubscriptions) => ({
    autoSchemaFile: true,
    cache: false,
    subscription: {
      ...subscriptions.mercurius({ connectionInitWaitTimeout: 300 }),
      fullWsTransport: true,
    },
  }),
});

let app: INestApplication;
const sockets: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await app.close();
});

async function start(graphql: typeof apollo, providers: Function[] = [Mine]) {
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({ guard: 'global', guests: true, allowMemoryInProduction: true }),
      SessionGraphqlModule,
      graphql,
    ],
    providers: providers as never,
  }).compile();
  const adapter = graphql === mercurius ? new FastifyAdapter() : new ExpressAdapter();
  app = testing.createNestApplication(adapter as ExpressAdapter, { logger: false });
  await app.listen(0, '127.0.0.1');
}

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly payload?: { readonly data?: unknown };
}

async function open() {
  const url = `${(await app.getUrl()).replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws');
  sockets.push(socket);
  const messages = on(socket, 'message');
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('open', resolve));
  return {
    closed,
    say: (message: object) => socket.send(JSON.stringify(message)),
    /** The next message of a type or, by its ID, of an operation. */
    hear: async (which: string): Promise<Message> => {
      for (;;) {
        const { value } = (await messages.next()) as { value: [Buffer] };
        const message = JSON.parse(value[0].toString()) as Message;
        if (message.type === which || message.id === which) return message;
      }
    },
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a connection of Mercurius, which takes several connection_init', () => {
  it.each([
    ['a second message', (payload: object) => ({ type: 'connection_init', payload })],
    [
      'an operation that brings another one',
      (payload: object) => ({
        id: '1',
        type: 'subscribe',
        payload: { query: '{ me }' },
        extensions: [{ type: 'connectionInit', payload }],
      }),
    ],
  ])('is closed by %s: it is one client’s', async (_what, second) => {
    await start(mercurius);
    const [mia, eve] = [await loginAs(app, { userId: 'mia' }), await loginAs(app, { userId: 'eve' })];
    const { say, hear, closed } = await open();
    say({ type: 'connection_init', payload: bearer(mia.token) });
    await hear('connection_ack');
    say(second(bearer(eve.token)));
    expect(await closed).toBe(4429);
  });
});

it('a connection of Mercurius on which nobody says who it is ends, and no other', async () => {
  await start(mercurius);
  const [silent, mia] = [await open(), await open()];
  mia.say({ type: 'connection_init', payload: bearer((await loginAs(app, { userId: 'mia' })).token) });
  await mia.hear('connection_ack');
  expect(await silent.closed).toBe(1006);
  mia.say({ id: '1', type: 'subscribe', payload: { query: '{ me }' } });
  expect((await mia.hear('next')).payload?.data).toEqual({ me: 'mia' });
});

it('a guest may connect where some operation is for guests', async () => {
  await start(apollo, [Carts]);
  const { token } = await app.get(SessionService).createGuest();
  const { say, hear } = await open();
  say({ type: 'connection_init', payload: bearer(token) });
  await hear('connection_ack');
  say({ id: '1', type: 'subscribe', payload: { query: '{ cart }' } });
  expect((await hear('next')).payload?.data).toEqual({ cart: 'of a guest' });
});

it('subscriptions that have ended leave nothing with the connection', async () => {
  await start(apollo);
  const { token } = await loginAs(app, { userId: 'mia', roles: ['admin'] });
  const { say, hear } = await open();
  say({ type: 'connection_init', payload: bearer(token) });
  await hear('connection_ack');
  const before = atServer.listenerCount('close');
  for (let id = 0; id < 3; id++) {
    say({ id: String(id), type: 'subscribe', payload: { query: 'subscription { reports }' } });
    await hear('next');
    say({ id: String(id), type: 'complete' });
  }
  expect(atServer.listenerCount('close')).toBe(before);
});

it.each([
  ['Apollo', () => apollo],
  ['Mercurius', () => mercurius],
])('a connection of %s has 64 subscriptions at most, whatever they demand', async (_name, graphql) => {
  await start(graphql(), [Plain]);
  const { say, hear } = await open();
  say({ type: 'connection_init', payload: bearer((await loginAs(app, { userId: 'mia' })).token) });
  await hear('connection_ack');
  const subscribe = (id: string) =>
    say({ id, type: 'subscribe', payload: { query: 'subscription { ticks }' } });
  for (let i = 0; i < 64; i++) {
    subscribe(`${i}`);
    await hear('next');
  }
  subscribe('one more');
  // Apollo's server tells it as the first result, Mercurius as an error.
  expect(JSON.stringify(await hear('one more'))).toContain('"code":"too_many_connections"');
  say({ id: '7', type: 'complete' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  subscribe('in its place');
  expect(await hear('in its place')).toMatchObject({ type: 'next', payload: { data: { ticks: 'x' } } });
});

it.each([
  ['Apollo', () => apollo],
  ['Mercurius', () => mercurius],
])(
  'a connection of %s that is gone leaves no source open, of subscriptions with one ID neither',
  async (_name, graphql) => {
    await start(graphql(), [Plain]);
    const { token } = await loginAs(app, { userId: 'mia' });
    const { say, hear } = await open();
    say({ type: 'connection_init', payload: bearer(token) });
    await hear('connection_ack');
    const query = 'subscription { silence }';
    for (const id of ['1', '2']) say({ id, type: 'subscribe', payload: { query } });
    if (graphql() === mercurius) say({ id: '1', type: 'subscribe', payload: { query } });
    const wanted = graphql() === mercurius ? 3 : 2;
    while (silences.size < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
    sockets.at(-1)!.terminate();
    for (let i = 0; i < 200 && silences.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(silences.size).toBe(0);
  },
);

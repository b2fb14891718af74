import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { INestApplication } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  OptionalSession,
  Public,
  Roles,
  SessionError,
  SessionModule,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { GraphqlSubscriptions, SessionGraphqlModule } from '@latchkey/session/graphql';
import { FakeClock, loginAs } from '@latchkey/session/testing';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { LiveConnection } from '../../libs/session/src/live/live-connection.js';

/** A source as PubSub is one: values for whoever listens. */
class Feed {
  private readonly listeners = new Set<(value: object) => void>();

  publish(value: object): void {
    for (const listener of this.listeners) listener(value);
  }

  async *values(): AsyncGenerator<object> {
    const waiting: object[] = [];
    let wake = (): void => undefined;
    const listener = (value: object): void => {
      waiting.push(value);
      wake();
    };
    this.listeners.add(listener);
    try {
      for (;;) {
        const value = waiting.shift();
        if (value) yield value;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.listeners.delete(listener);
    }
  }
}

const feed = new Feed();

@Resolver()
class Posts {
  @Query(() => String, { nullable: true })
  me(@CurrentUser() user: UserState) {
    return user.id;
  }

  @Subscription(() => String, { resolve: ({ text }: { text: string }) => text })
  posts() {
    return feed.values();
  }

  @Roles('admin')
  @Subscription(() => String, { resolve: ({ text }: { text: string }) => text })
  reports() {
    return feed.values();
  }
}

@Resolver()
class News {
  @Public()
  @Subscription(() => String, { resolve: ({ text }: { text: string }) => text })
  news() {
    return feed.values();
  }

  @OptionalSession()
  @Query(() => String)
  who(@CurrentUser() user?: UserState) {
    return user?.id ?? 'nobody';
  }
}

const subscriptionsOf = {
  inject: [GraphqlSubscriptions],
  useFactory: (subscriptions: GraphqlSubscriptions) => ({
    autoSchemaFile: true,
    subscriptions: { 'graphql-ws': subscriptions.graphqlWs({ connectionInitWaitTimeout: 5_000 }) },
  }),
};
const DRIVERS = [
  {
    name: 'Apollo on Express',
    adapter: () => new ExpressAdapter(),
    module: () =>
      GraphQLModule.forRootAsync<ApolloDriverConfig>({ driver: ApolloDriver, ...subscriptionsOf }),
  },
  {
    name: 'Apollo on Fastify',
    adapter: () => new FastifyAdapter(),
    module: () =>
      GraphQLModule.forRootAsync<ApolloDriverConfig>({ driver: ApolloDriver, ...subscriptionsOf }),
  },
  {
    name: 'Mercurius',
    adapter: () => new FastifyAdapter(),
    module: () =>
      GraphQLModule.forRootAsync<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        inject: [GraphqlSubscriptions],
        useFactory: (subscriptions: GraphqlSubscriptions) => ({
          autoSchemaFile: true,
          cache: false,
          subscription: { ...subscriptions.mercurius(), fullWsTransport: true },
        }),
      }),
  },
];

let app: INestApplication | undefined;
let clock: FakeClock;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  await app?.close();
  app = undefined;
});

type Driver = (typeof DRIVERS)[number];

async function start(driver: Driver, providers: Function[] = [Posts, News], options: object = {}) {
  clock = new FakeClock();
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        strict: true,
        clock,
        allowMemoryInProduction: true,
        ...options,
      }),
      SessionGraphqlModule,
      driver.module(),
    ],
    providers: providers as never,
  }).compile();
  app = testing.createNestApplication(driver.adapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

interface Connection {
  readonly client: Client;
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Says something that clients have no words for. */
  readonly say: (message: object) => void;
}

async function connect(
  params: Record<string, unknown> | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<Connection> {
  const url = `${(await (app as INestApplication).getUrl()).replace('http', 'ws')}/graphql`;
  let sayClosed: (end: { code: number; reason: string }) => void = () => undefined;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => (sayClosed = resolve));
  const sockets: WebSocket[] = [];
  const client = createClient({
    url,
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
    ...(params ? { connectionParams: params } : {}),
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers });
        this.once('open', () => sockets.push(this));
      }
    },
    on: {
      closed: (event) => {
        const { code, reason } = event as { code: number; reason: string };
        sayClosed({ code, reason });
      },
    },
  });
  clients.push(client);
  return { client, closed, say: (message) => sockets[0]?.send(JSON.stringify(message)) };
}

interface Heard {
  readonly values: unknown[];
  readonly end: Promise<unknown>;
}

function listen({ client }: Connection, query: string): Heard {
  const values: unknown[] = [];
  const end = new Promise<unknown>((resolve) => {
    client.subscribe(
      { query },
      {
        next: ({ data, errors }) => void values.push(errors?.[0]?.extensions?.['code'] ?? data),
        error: (error) =>
          resolve(
            Array.isArray(error)
              ? ((error as { extensions?: { code?: unknown } }[])[0]?.extensions?.code ?? error)
              : error,
          ),
        complete: () => resolve('complete'),
      },
    );
  });
  return { values, end };
}

/** What is refused is a result with errors, and no more. */
async function refusalOf(connection: Connection, query: string): Promise<unknown> {
  const { values, end } = listen(connection, query);
  await end;
  return values[0] ?? end;
}

async function until(isMet: () => boolean): Promise<void> {
  for (let i = 0; !isMet() && i < 500; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!isMet()) throw new Error('Waited in vain');
}

/** Publishes until somebody who listens has heard it. */
async function publishedTo({ values }: Heard, text: string): Promise<void> {
  const before = values.length;
  await until(() => {
    feed.publish({ text });
    return values.length > before;
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe.each(DRIVERS)('subscriptions by $name', (driver) => {
  it('go to whom the session and the decorators let in, and end with a block', async () => {
    const { get } = await start(driver, [Posts]).then((one) => ({ get: one.get.bind(one) }));
    const { token, user } = await loginAs(app!, { userId: 'mia' });
    const connection = await connect(bearer(token));
    const posts = listen(connection, 'subscription { posts }');
    await publishedTo(posts, 'one');
    expect(posts.values[0]).toEqual({ posts: 'one' });
    expect(await refusalOf(connection, 'subscription { reports }')).toBe('forbidden');
    const me = listen(connection, '{ me }');
    await me.end;
    expect(me.values).toEqual([{ me: 'mia' }]);
    const heard = posts.values.length;
    await get<UserStateService>(UserStateService).block(user.id, { reason: 'spam', by: 'lea' });
    feed.publish({ text: 'after' });
    expect(await connection.closed).toEqual({ code: 4403, reason: 'user_blocked' });
    expect(posts.values.slice(heard)).toEqual([]);
  });

  it.each([
    ['nobody', () => undefined, {}, 4401, 'session_missing'],
    ['a token that nobody has', () => bearer(`lk_${'A'.repeat(90)}`), {}, 4401, 'session_invalid'],
    [
      'a cookie that a page of another origin sends',
      () => undefined,
      { cookie: true, origin: 'https://evil.example' },
      4403,
      'cross_origin',
    ],
  ])('refuse %s at connection_init', async (_who, params, headers, code, reason) => {
    await start(driver, [Posts]);
    const { cookie } = await loginAs(app!, { userId: 'mia' });
    const sent = 'cookie' in headers ? { ...headers, cookie } : {};
    const connection = await connect(params(), sent);
    expect(await connection.closed).toEqual({ code, reason });
  });

  it('take the cookie of a page of ours', async () => {
    await start(driver, [Posts]);
    const { cookie } = await loginAs(app!, { userId: 'mia' });
    const connection = await connect(undefined, { cookie, 'sec-fetch-site': 'same-origin' });
    const me = listen(connection, '{ me }');
    await me.end;
    expect(me.values).toEqual([{ me: 'mia' }]);
  });

  it('let nobody in where something is for nobody, and to that only', async () => {
    await start(driver);
    const connection = await connect(undefined);
    const news = listen(connection, 'subscription { news }');
    await publishedTo(news, 'open');
    const who = listen(connection, '{ who }');
    await who.end;
    expect(who.values).toEqual([{ who: 'nobody' }]);
    expect(await refusalOf(connection, 'subscription { posts }')).toBe('session_missing');
  });

  it('end with the session, by its own time, too', async () => {
    await start(driver, [Posts]);
    const first = await loginAs(app!, { userId: 'mia' });
    const connection = await connect(bearer(first.token));
    await publishedTo(listen(connection, 'subscription { posts }'), 'x');
    await app!.get(SessionService).revoke('mia', first.session.id);
    expect(await connection.closed).toEqual({ code: 4401, reason: 'session_revoked' });
  });

  it('a demotion ends those that demand the role, with an error, and no other', async () => {
    await start(driver, [Posts]);
    const { token } = await loginAs(app!, { userId: 'mia', roles: ['admin'] });
    const connection = await connect(bearer(token));
    const [posts, reports] = [
      listen(connection, 'subscription { posts }'),
      listen(connection, 'subscription { reports }'),
    ];
    await publishedTo(reports, 'one');
    await publishedTo(posts, 'two');
    await app!.get(UserStateService).setRoles('mia', []);
    feed.publish({ text: 'after' });
    expect(await reports.end).toBe('forbidden');
    expect(reports.values).not.toContainEqual({ reports: 'after' });
    await publishedTo(posts, 'three');
    expect(posts.values.at(-1)).toEqual({ posts: 'three' });
  });
});

describe('a client that renews its token', () => {
  const refresh = { refresh: { accessTokenTtl: '1m', grace: '10s' } };

  it('goes on without a reconnect, with every subscription', async () => {
    await start(DRIVERS[0]!, [Posts], refresh);
    const issued = await loginAs(app!, { userId: 'mia', roles: ['admin'] });
    const connection = await connect(bearer(issued.token));
    const reports = listen(connection, 'subscription { reports }');
    await publishedTo(reports, 'one');
    const next = await app!.get(SessionService).refresh(issued.refreshToken);
    connection.say({ type: 'ping', payload: bearer(next.token) });
    await publishedTo(reports, 'two');
    clock.advance('30s');
    await app!.get(UserStateService).setRoles('mia', ['admin', 'editor']); // has each of them checked again
    await publishedTo(reports, 'three');
    expect(reports.values.at(-1)).toEqual({ reports: 'three' });
    clock.advance('2m');
    const closed = listen(connection, '{ me }').end;
    expect((await connection.closed).code).toBe(4401);
    await closed;
  });

  it('keeps its connection when one subscription cannot be renewed', async () => {
    await start(DRIVERS[0]!, [Posts], refresh);
    const issued = await loginAs(app!, { userId: 'mia', roles: ['admin'] });
    const connection = await connect(bearer(issued.token));
    const [posts, reports] = [
      listen(connection, 'subscription { posts }'),
      listen(connection, 'subscription { reports }'),
    ];
    await publishedTo(reports, 'one');
    const next = await app!.get(SessionService).refresh(issued.refreshToken);
    // A demotion, or Redis that is away, may come between the two.
    const renew = Reflect.get(LiveConnection.prototype, 'renew');
    jest.spyOn(LiveConnection.prototype, 'renew').mockImplementation(function (this: LiveConnection, token) {
      return this.requirements.roleGroups.length === 0
        ? renew.call(this, token)
        : Promise.reject(new SessionError('forbidden'));
    });
    connection.say({ type: 'ping', payload: bearer(next.token) });
    expect(await reports.end).toBe('forbidden');
    jest.restoreAllMocks();
    await publishedTo(posts, 'two');
    expect(posts.values.at(-1)).toEqual({ posts: 'two' });
  });

  it('is out with the token of somebody else, or of nobody', async () => {
    await start(DRIVERS[0]!, [Posts], refresh);
    const mia = await loginAs(app!, { userId: 'mia' });
    const eve = await loginAs(app!, { userId: 'eve' });
    const connection = await connect(bearer(mia.token));
    await publishedTo(listen(connection, 'subscription { posts }'), 'one');
    connection.say({ type: 'ping', payload: bearer(eve.token) });
    expect(await connection.closed).toEqual({ code: 4401, reason: 'session_invalid' });
  });
});

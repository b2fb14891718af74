import { on } from 'node:events';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type ExecutionContext, type INestApplication, Injectable, UseGuards } from '@nestjs/common';
import { GqlExecutionContext, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import { SessionModule, SessionService, UserStateService } from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs } from '@latchkey/session/testing';
import { WebSocket } from 'ws';

/** As apps that come from Passport write it: the handshake stands for the request. */
@Injectable()
class GqlAuthGuard extends AuthGuard('latchkey') {
  override getRequest(context: ExecutionContext): unknown {
    return GqlExecutionContext.create(context).getContext<{ req: unknown }>().req;
  }
}

@Resolver()
class Secrets {
  constructor(private readonly sessions: SessionService) {}

  @UseGuards(GqlAuthGuard)
  @Query(() => String, { nullable: true })
  secret() {
    return 'told';
  }

  @UseGuards(GqlAuthGuard)
  @Mutation(() => String, { nullable: true })
  transfer() {
    return 'done';
  }

  @Mutation(() => String)
  async leave() {
    await this.sessions.revokeAll('mia');
    return 'left';
  }
}

let app: INestApplication;
beforeEach(async () => {
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({ allowMemoryInProduction: true }),
      SessionPassportModule,
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
        context: ({ req, extra }: { req?: unknown; extra?: { request: unknown } }) => ({
          req: extra?.request ?? req,
        }),
      }),
    ],
    providers: [Secrets],
  }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
});
afterEach(() => app.close());

async function socketWith(headers: Readonly<Record<string, string>>) {
  const url = `${(await app.getUrl()).replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
  const messages = on(socket, 'message');
  const hear = async () => {
    const { value } = (await messages.next()) as { value: [Buffer] };
    return JSON.parse(value[0].toString()) as object;
  };
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await hear();
  let id = 0;
  return {
    socket,
    ask: async (query: string) => {
      socket.send(JSON.stringify({ id: String(++id), type: 'subscribe', payload: { query } }));
      const { payload } = (await hear()) as { payload: { data: object; errors?: object[] } };
      await hear();
      return payload.data;
    },
  };
}

describe("AuthGuard('latchkey') before operations that come by a WebSocket", () => {
  it('checks each of them: the handshake is no request that is over soon', async () => {
    const { cookie, user } = await loginAs(app, { userId: 'mia' });
    const { ask, socket } = await socketWith({ cookie, 'sec-fetch-site': 'same-origin' });
    expect(await ask('{ secret }')).toEqual({ secret: 'told' });
    await app.get(UserStateService).block(user.id, { reason: 'spam', by: 'lea' });
    expect(await ask('{ secret }')).toEqual({ secret: null });
    socket.terminate();
  });

  it('takes no cookie from a page of another origin', async () => {
    const { cookie } = await loginAs(app, { userId: 'mia' });
    const { ask, socket } = await socketWith({ cookie, origin: 'https://evil.example' });
    expect(await ask('{ secret }')).toEqual({ secret: null });
    expect(await ask('mutation { transfer }')).toEqual({ transfer: null });
    socket.terminate();
  });
});

it("AuthGuard('latchkey') checks a mutation after another one again", async () => {
  const { cookie } = await loginAs(app, { userId: 'mia' });
  const response = await fetch(`${await app.getUrl()}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify({ query: 'mutation { before: transfer leave after: transfer }' }),
  });
  expect(((await response.json()) as { data: object }).data).toEqual({
    before: 'done',
    leave: 'left',
    after: null,
  });
});

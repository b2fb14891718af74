import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import { CurrentUser, SessionGuard, SessionModule, type UserState } from '@latchkey/session';
import { GraphqlSubscriptions } from '@latchkey/session/graphql';
import { loginAs } from '@latchkey/session/testing';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const realm = (name: string) =>
  SessionModule.forRoot({
    isGlobal: false,
    allowMemoryInProduction: true,
    cookie: { name: `__Host-${name}` },
  });
const [ofCustomers, ofStaff] = [realm('customer'), realm('staff')];

@UseGuards(SessionGuard)
@Resolver()
class ShopResolver {
  @Query(() => String, { nullable: true })
  shop(@CurrentUser() user: UserState) {
    return user.id;
  }
}

@UseGuards(SessionGuard)
@Resolver()
class OfficeResolver {
  @Query(() => String, { nullable: true })
  office(@CurrentUser() user: UserState) {
    return user.id;
  }
}

@Module({
  imports: [ofCustomers],
  providers: [ShopResolver, GraphqlSubscriptions],
  exports: [GraphqlSubscriptions],
})
class ShopModule {}

@Module({ imports: [ofStaff], providers: [OfficeResolver] })
class OfficeModule {}

describe.each([
  ['first', [ShopModule, OfficeModule]],
  ['last', [OfficeModule, ShopModule]],
])(
  'two SessionModules behind one schema, the one that GraphqlSubscriptions is beside %s',
  (_place, modules) => {
    let app: INestApplication;
    beforeAll(async () => {
      const testing = await Test.createTestingModule({
        imports: [
          ...modules,
          GraphQLModule.forRootAsync<ApolloDriverConfig>({
            driver: ApolloDriver,
            imports: [ShopModule],
            inject: [GraphqlSubscriptions],
            useFactory: (subscriptions: GraphqlSubscriptions) => ({
              autoSchemaFile: true,
              subscriptions: { 'graphql-ws': subscriptions.graphqlWs() },
            }),
          }),
        ],
      }).compile();
      app = testing.createNestApplication({ logger: false });
      await app.listen(0, '127.0.0.1');
    });
    afterAll(() => app.close());

    it.each(['{ shop office }', '{ office shop }'])('share no check in one request: %s', async (query) => {
      const ask = async (cookies: string) => {
        const response = await fetch(`${await app.getUrl()}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', cookie: cookies },
          body: JSON.stringify({ query }),
        });
        return ((await response.json()) as { data: object }).data;
      };
      const { cookie: customer } = await loginAs(app.select(ShopModule), { userId: 'carl' });
      const { cookie: staff } = await loginAs(app.select(OfficeModule), { userId: 'sue' });
      expect(await ask(customer)).toEqual({ shop: 'carl', office: null });
      expect(await ask(staff)).toEqual({ shop: null, office: 'sue' });
      expect(await ask(`${customer}; ${staff}`)).toEqual({ shop: 'carl', office: 'sue' });
    });

    it('have connections for that one only', async () => {
      const url = `${(await app.getUrl()).replace('http', 'ws')}/graphql`;
      const ask = async (token: string) => {
        const client = createClient({
          url,
          webSocketImpl: WebSocket,
          retryAttempts: 0,
          connectionParams: { authorization: `Bearer ${token}` },
        });
        try {
          for await (const { data } of client.iterate({ query: '{ shop office }' })) return data;
        } catch (error) {
          return (error as { reason?: string }).reason;
        } finally {
          await client.dispose();
        }
        return undefined;
      };
      const customer = await loginAs(app.select(ShopModule), { userId: 'carl' });
      const staff = await loginAs(app.select(OfficeModule), { userId: 'sue' });
      expect(await ask(customer.token)).toEqual({ shop: 'carl', office: null });
      expect(await ask(staff.token)).toBe('session_invalid');
    });
  },
);

import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import { CurrentUser, SessionGuard, SessionModule, type UserState } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';

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

@Module({ imports: [ofCustomers], providers: [ShopResolver] })
class ShopModule {}

@Module({ imports: [ofStaff], providers: [OfficeResolver] })
class OfficeModule {}

let app: INestApplication;
beforeAll(async () => {
  const testing = await Test.createTestingModule({
    imports: [
      ShopModule,
      OfficeModule,
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
  }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
});
afterAll(() => app.close());

it.each(['{ shop office }', '{ office shop }'])(
  'fields of two SessionModules in one request share no check: %s',
  async (query) => {
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
  },
);

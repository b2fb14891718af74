import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, UseGuards } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core/helpers/external-context-creator.js';
import { Field, GraphQLModule, ObjectType, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  Public,
  Roles,
  SessionGuard,
  SessionModule,
  SessionService,
  type UserState,
} from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';

let app: INestApplication | undefined;
afterEach(() => app?.close());

@UseGuards(SessionGuard)
@Resolver()
class References {
  @Query(() => String)
  orders(_reference: object, user?: UserState) {
    return user?.id ?? 'nobody';
  }

  @Public()
  @Query(() => String)
  products() {
    return 'open';
  }

  @Roles('admin')
  @Query(() => String)
  reports(_reference: object, user?: UserState) {
    return user?.id ?? 'nobody';
  }
}
for (const name of ['orders', 'reports'] as const) CurrentUser()(References.prototype, name, 1);

it('references of one query, which servers resolve as one field, keep each its own user', async () => {
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true })],
    providers: [References],
  }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const { token } = await loginAs(app, { userId: 'mia', roles: ['admin'] });
  const references = app.get(References);
  const req = { headers: { authorization: `Bearer ${token}` }, method: 'POST', socket: {} };
  // Apollo and Mercurius hand the info of `_entities` to every resolver of references.
  const info = { fieldName: '_entities', operation: { operation: 'query' } };
  const resolve = (name: 'orders' | 'products' | 'reports') =>
    app!
      .get(ExternalContextCreator)
      .create(
        references,
        references[name] as never,
        name,
        '__routeArguments__',
        { exchangeKeyForValue: (_: unknown, __: unknown, [reference]: unknown[]) => reference },
        undefined,
        undefined,
        undefined,
        'graphql',
      )({ __typename: name, id: '1' }, { req }, info) as Promise<unknown>;
  expect(await Promise.all([resolve('orders'), resolve('products')])).toEqual(['mia', 'open']);
  expect(await Promise.all([resolve('products'), resolve('orders')])).toEqual(['open', 'mia']);
  expect(await Promise.all([resolve('reports'), resolve('orders'), resolve('reports')])).toEqual([
    'mia',
    'mia',
    'mia',
  ]);
});

@ObjectType()
class Departure {
  @Field()
  at!: string;
}

@UseGuards(SessionGuard)
@Resolver(() => Departure)
class Departures {
  constructor(private readonly sessions: SessionService) {}

  @Query(() => Departure)
  async leave(@CurrentUser() user: UserState) {
    await this.sessions.revokeAll(user.id);
    return { at: 'now' };
  }

  @ResolveField(() => String, { nullable: true })
  secret(@Parent() _departure: Departure) {
    return 'told';
  }
}

it('a field that is resolved after an act of the field above is checked after it', async () => {
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({ allowMemoryInProduction: true }),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        fieldResolverEnhancers: ['guards'],
      }),
    ],
    providers: [Departures],
  }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const { headers } = await loginAs(app, { userId: 'mia' });
  const response = await fetch(`${await app.getUrl()}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: '{ leave { at secret } }' }),
  });
  expect(((await response.json()) as { data: object }).data).toEqual({ leave: { at: 'now', secret: null } });
});

import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, UseGuards } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core/helpers/external-context-creator.js';
import {
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
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

  @Mutation(() => String)
  write(_reference: object, user?: UserState) {
    return user?.id ?? 'nobody';
  }

  @Roles('admin')
  @Query(() => String)
  reports(_reference: object, user?: UserState) {
    return user?.id ?? 'nobody';
  }
}
for (const name of ['orders', 'reports', 'write'] as const) CurrentUser()(References.prototype, name, 1);

describe('servers of GraphQL other than Apollo', () => {
  let one: INestApplication;
  beforeAll(async () => {
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ allowMemoryInProduction: true })],
      providers: [References],
    }).compile();
    one = await testing.createNestApplication({ logger: false }).init();
  });
  afterAll(() => one.close());

  type Name = 'orders' | 'products' | 'reports' | 'write';
  /** As `@nestjs/graphql` has a resolver called. */
  const resolve = (name: Name, req: object, info: object) => {
    const references = one.get(References);
    return one
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
  };

  it('resolve the references of a query as one field, and each keeps its own user', async () => {
    const { headers } = await loginAs(one, { userId: 'mia', roles: ['admin'] });
    const req = { headers, method: 'POST', socket: {} };
    // Apollo and Mercurius hand the info of `_entities` to every resolver of references.
    const info = { fieldName: '_entities', operation: { operation: 'query' } };
    const all = (...names: Name[]) => Promise.all(names.map((name) => resolve(name, req, info)));
    expect(await all('orders', 'products')).toEqual(['mia', 'open']);
    expect(await all('products', 'orders')).toEqual(['open', 'mia']);
    expect(await all('reports', 'orders', 'reports')).toEqual(['mia', 'mia', 'mia']);
  });

  it.each(['mutation', 'subscription'])(
    'may take a %s by GET: not with the cookie from another origin',
    async (operation) => {
      const { headers, cookie } = await loginAs(one, { userId: 'mia' });
      const get = (own: object) =>
        resolve('write', { headers: own, method: 'GET', socket: {} }, { operation: { operation } });
      const host = 'api.example';
      const origin = 'https://evil.example';
      for (const from of [{ origin }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'none' }])
        await expect(get({ host, cookie, ...from })).rejects.toMatchObject({ code: 'cross_origin' });
      expect(await get({ host, cookie, 'sec-fetch-site': 'same-origin' })).toBe('mia');
      expect(await get({ host, ...headers, origin })).toBe('mia');
    },
  );
});

@Resolver('Post')
class SchemaFirst {
  @Query()
  post() {
    return { id: 1 };
  }

  @Roles('admin')
  @ResolveField()
  address() {
    return '192.0.2.7';
  }

  @Mutation('remove')
  @Roles('admin')
  take() {
    return true;
  }

  @Public()
  @Query()
  open() {
    return 'ran';
  }
}

it('a schema that is written first is guarded as one that is made of code', async () => {
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({ allowMemoryInProduction: true, guard: 'global', strict: true }),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        fieldResolverEnhancers: ['guards', 'filters'],
        typeDefs:
          'type Post { id: Int! address: String } type Query { post: Post open: String } type Mutation { remove: Boolean }',
      }),
    ],
    providers: [SchemaFirst],
  }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const ask = async (query: string, roles?: string[]) => {
    const headers = roles && (await loginAs(app!, { userId: 'mia', roles })).headers;
    const response = await fetch(`${await app!.getUrl()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
    const { data, errors = [] } = (await response.json()) as {
      data: object;
      errors?: { extensions: { code: string } }[];
    };
    return [data, errors.map(({ extensions }) => extensions.code)];
  };
  expect(await ask('{ open post { id } }')).toEqual([{ open: 'ran', post: null }, ['session_missing']]);
  expect(await ask('{ post { id address } }', [])).toEqual([
    { post: { id: 1, address: null } },
    ['forbidden'],
  ]);
  expect(await ask('mutation { remove }', [])).toEqual([{ remove: null }, ['forbidden']]);
  expect(await ask('{ post { address } }', ['admin'])).toEqual([{ post: { address: '192.0.2.7' } }, []]);
  expect(await ask('mutation { remove }', ['admin'])).toEqual([{ remove: true }, []]);
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

import { createHash } from 'node:crypto';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module } from '@nestjs/common';
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
import { NestFactory } from '@nestjs/core';
import {
  CurrentUser,
  Public,
  RateLimit,
  Roles,
  SessionError,
  SessionModule,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { loginAs, type LoggedIn } from '@latchkey/session/testing';
import request from 'supertest';
import { SESSION_REPOSITORY } from '../../libs/session/src/options/injection-keys.js';
import type { SessionRepository } from '../../libs/session/src/storage/contract/session-repository.js';

@ObjectType()
class Post {
  @Field(() => Int)
  id!: number;
}

@Resolver(() => Post)
class Posts {
  constructor(private readonly users: UserStateService) {}

  @Public()
  @Query(() => String)
  open() {
    return 'ran';
  }

  @Query(() => String, { nullable: true })
  me(@CurrentUser() user: UserState) {
    return user.id;
  }

  @Query(() => [Post])
  posts() {
    return Array.from({ length: 20 }, (_, id) => ({ id }));
  }

  @ResolveField(() => String, { nullable: true })
  author(@CurrentUser() user: UserState) {
    return user.id;
  }

  @Roles('admin')
  @ResolveField(() => String, { nullable: true })
  address() {
    return '192.0.2.7';
  }

  @Roles('admin')
  @Query(() => String, { nullable: true })
  admin() {
    return 'ran';
  }

  @RateLimit({ name: 'guess', quota: 3, window: '1h', by: 'ip' })
  @Public()
  @Query(() => String, { nullable: true })
  guess() {
    return 'wrong';
  }

  @RateLimit({ name: 'attempt', quota: 2, window: '1h', by: 'user' })
  @Query(() => String, { nullable: true })
  attempt() {
    return 'wrong';
  }

  @Mutation(() => String, { nullable: true })
  write(@CurrentUser() user: UserState) {
    written += 1;
    return user.id;
  }

  @Mutation(() => String, { nullable: true })
  async blockMe(@CurrentUser() user: UserState) {
    await this.users.block(user.id, { reason: 'spam', by: 'mia' });
    return 'done';
  }

  @Public()
  @Query(() => String, { nullable: true })
  throwsOurs() {
    throw new SessionError('user_blocked', {
      block: { reason: 'spam', by: 'mia', at: 5 },
      cause: new Error('secret'),
    });
  }
}

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
}

let app: INestApplication;
let calls = 0;
let written = 0;

beforeAll(async () => {
  @Module({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        strict: true,
        sessionExpiresHeader: true,
        failedTokens: { quota: 10, window: '1h' },
      }),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        fieldResolverEnhancers: ['guards', 'filters'],
        includeStacktraceInErrorResponses: true,
        allowBatchedHttpRequests: true,
        csrfPrevention: false, // Apollo's own, which would hide whether ours is there
      }),
    ],
    providers: [Posts],
  })
  class App {}
  app = await NestFactory.create(App, { logger: false });
  await app.listen(0, '127.0.0.1');
  const repository = app.get<SessionRepository>(SESSION_REPOSITORY, { strict: false });
  const authenticate = repository.authenticate.bind(repository);
  repository.authenticate = (...args) => {
    calls += 1;
    return authenticate(...args);
  };
});
afterAll(() => app.close());
beforeEach(() => void (calls = written = 0));

async function ask(query: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await request(await app.getUrl())
    .post('/graphql')
    .set(headers)
    .send({ query });
  return { ...(response.body as Answer), headers: response.headers };
}

/** Sends one operation, or a batch. */
async function send(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer[]> {
  const response = await request(await app.getUrl())
    .post('/graphql')
    .set(headers)
    .send(body);
  return [response.body as Answer | Answer[]].flat();
}

async function get(query: object, headers: Readonly<Record<string, string>> = {}) {
  return request(await app.getUrl())
    .get('/graphql')
    .query(query)
    .set(headers);
}

function codesOf({ errors = [] }: Answer): unknown[] {
  return errors.map(({ extensions }) => extensions['code']);
}

const logIn = (options: { roles?: string[] } = {}): Promise<LoggedIn> =>
  loginAs(app, { userId: `u${Math.random()}`, ...options });

it('tells what was refused, and nothing of what is inside', async () => {
  const refused = await ask('{ me }');
  expect(refused.data).toEqual({ me: null });
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'session_missing', status: 401 });
  const { errors } = await ask('{ throwsOurs }');
  expect(errors?.[0]?.message).toBe('The user is blocked');
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'user_blocked', block: { reason: 'spam' } });
  expect(JSON.stringify([refused, errors])).not.toMatch(/secret|mia|node_modules|\.ts:/);
});

it('fields that are resolved together are one check, whatever each of them demands', async () => {
  const { headers, user } = await logIn({ roles: ['admin'] });
  expect((await ask('{ a: me b: me c: me d: admin open }', headers)).data).toEqual({
    a: user.id,
    b: user.id,
    c: user.id,
    d: 'ran',
    open: 'ran',
  });
  expect(calls).toBe(1);
  calls = 0;
  const { data } = await ask('{ posts { id author } }', headers);
  expect(data).toHaveProperty('posts.19', { id: 19, author: user.id });
  expect(calls).toBeLessThanOrEqual(2);
});

it('each field is refused for itself', async () => {
  const { headers, user } = await logIn();
  const answer = await ask('{ me admin open posts { author address } }', headers);
  expect(answer.data).toMatchObject({ me: user.id, admin: null, open: 'ran' });
  expect(answer.data).toHaveProperty('posts.0', { author: user.id, address: null });
  expect(new Set(codesOf(answer))).toEqual(new Set(['forbidden']));
  expect(answer.headers).toHaveProperty('session-expires');
});

it('aliases do not get round a quota', async () => {
  const answer = await ask('{ a: guess b: guess c: guess d: guess e: guess }');
  expect(codesOf(answer)).toEqual(['rate_limited', 'rate_limited']);
  expect(answer.headers['ratelimit']).toBeDefined();
});

it('an act of one mutation holds for the next one of the same request', async () => {
  const { headers, user } = await logIn();
  const answer = await ask('mutation { a: write blockMe b: write }', headers);
  expect(answer.data).toEqual({ a: user.id, blockMe: 'done', b: null });
  expect(codesOf(answer)).toEqual(['user_blocked']);
});

describe('with the cookie, a page of another origin', () => {
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const foreignToo = { origin: 'https://evil.example' };
  const ours = { 'sec-fetch-site': 'same-origin' };

  it.each(['mutation { write }', '{ me }', '{ a: me open b: me }'])(
    'gets nothing by POST of %s',
    async (query) => {
      const { cookie, user } = await logIn();
      for (const from of [foreign, foreignToo])
        expect(new Set(codesOf(await ask(query, { cookie, ...from })))).toEqual(new Set(['cross_origin']));
      expect([written, calls]).toEqual([0, 0]);
      const { data } = await ask(query, { cookie, ...ours });
      expect(Object.values(data ?? {})).toContain(user.id);
    },
  );

  it('gets nothing of a batch', async () => {
    const { cookie, user } = await logIn();
    const batch = ['mutation { write }', '{ me }', 'mutation { write }'].map((query) => ({ query }));
    const answers = await send(batch, { cookie, ...foreign });
    expect(answers.map(codesOf)).toEqual(batch.map(() => ['cross_origin']));
    expect([written, calls]).toEqual([0, 0]);
    expect((await send(batch, { cookie, ...ours })).map(({ data }) => Object.values(data ?? {}))).toEqual(
      batch.map(() => [user.id]),
    );
  });

  it('gets no mutation done by GET, nor does a page of ours', async () => {
    const { cookie } = await logIn();
    const sha256Hash = createHash('sha256').update('mutation { write }').digest('hex');
    const persisted = { extensions: JSON.stringify({ persistedQuery: { version: 1, sha256Hash } }) };
    // Registering it says what it is, and runs it: refused, it is known all the same.
    const [known] = await send(
      { query: 'mutation { write }', extensions: { persistedQuery: { version: 1, sha256Hash } } },
      { cookie, ...foreign },
    );
    expect(codesOf(known ?? {})).toEqual(['cross_origin']);
    for (const from of [foreign, ours, {}])
      for (const query of [{ query: 'mutation { write }' }, persisted])
        expect(await get(query, { cookie, ...from })).toMatchObject({ status: 405 });
    expect([written, calls]).toEqual([0, 0]);
  });
});

it('what is asked by GET, also by the name of a persisted query, is checked as by POST', async () => {
  const sha256Hash = createHash('sha256').update('{ me admin }').digest('hex');
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  const { headers, user } = await logIn();
  const ways = [{ query: '{ me admin }' }, { extensions: JSON.stringify(extensions) }];
  await send({ query: '{ me admin }', extensions });
  for (const way of ways) {
    expect(codesOf((await get(way)).body as Answer)).toEqual(['session_missing', 'session_missing']);
    const answer = (await get(way, headers)).body as Answer;
    expect([answer.data, codesOf(answer)]).toEqual([{ me: user.id, admin: null }, ['forbidden']]);
  }
});

it('a batch does not get round a quota, and each operation is refused for itself', async () => {
  const { headers } = await logIn();
  const batch = ['{ attempt }', '{ attempt admin }', '{ attempt }'].map((query) => ({ query }));
  const codes = (await send(batch, headers)).map(codesOf);
  expect(new Set(codes.flat())).toEqual(new Set(['forbidden', 'rate_limited']));
  expect(codes.flat()).toHaveLength(2);
  expect(codes[1]).toContain('forbidden');
});

it('a token that nobody has is charged once for a request, however many fields it asks for', async () => {
  const { headers, user } = await logIn();
  await app.get(UserStateService).erase(user.id);
  const query = `{ ${Array.from({ length: 50 }, (_, i) => `f${i}: me`).join(' ')} }`;
  const answer = await ask(query, headers);
  expect(new Set(codesOf(answer))).toEqual(new Set(['session_invalid']));
});

it('takes no request that has become a WebSocket', async () => {
  const { cookie } = await logIn();
  const answer = await ask('{ me }', { cookie, upgrade: 'websocket' });
  expect(codesOf(answer)).toEqual(['forbidden']);
});

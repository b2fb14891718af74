import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { INestApplication } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import {
  AllowGuests,
  CurrentSession,
  CurrentUser,
  OptionalSession,
  type Session,
  SessionData,
  SessionModule,
  SessionService,
  type UserState,
} from '@latchkey/session';

const who = (session?: Session, user?: UserState) =>
  `${session?.isGuest ? 'guest' : 'no guest'}, ${user?.id ?? 'nobody'}`;

@Resolver()
class Cart {
  @AllowGuests()
  @Query(() => String)
  cart(
    @CurrentSession() session: Session,
    @CurrentUser() user: UserState | undefined,
    @SessionData('cart') cart: string[] = [],
  ) {
    return `${who(session, user)}, ${cart.join()}`;
  }

  @AllowGuests()
  @Query(() => String, { nullable: true })
  bare(@CurrentSession() session: Session) {
    return who(session);
  }

  @Query(() => String, { nullable: true })
  plain(@CurrentUser() user: UserState) {
    return user.id;
  }

  @OptionalSession()
  @Query(() => String)
  feed(@CurrentSession() session?: Session, @CurrentUser() user?: UserState) {
    return who(session, user);
  }
}

it('a guest is one, and nobody, in one GraphQL request', async () => {
  const testing = await Test.createTestingModule({
    imports: [
      SessionModule.forRoot({ allowMemoryInProduction: true, guard: 'global', guests: true }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
    providers: [Cart],
  }).compile();
  const app: INestApplication = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const sessions = app.get(SessionService);
  const ask = async (token: string, fields = 'cart plain feed') => {
    const reply = await fetch(`${await app.getUrl()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: `{ ${fields} }` }),
    });
    const { data, errors = [] } = (await reply.json()) as {
      data: object;
      errors?: { path: string[]; extensions: { code: string } }[];
    };
    return { data, denied: errors.map(({ path, extensions }) => `${path.join()} ${extensions.code}`) };
  };
  const { token } = await sessions.createGuest({ data: { cart: ['tea'] } });
  expect(await ask(token)).toEqual({
    data: { cart: 'guest, nobody, tea', plain: null, feed: 'no guest, nobody' },
    denied: ['plain session_missing'],
  });
  // In whatever order: they share a check where that tells both.
  for (const fields of ['plain bare feed', 'feed bare plain', 'bare plain feed']) {
    expect(await ask(token, fields)).toEqual({
      data: { bare: 'guest, nobody', plain: null, feed: 'no guest, nobody' },
      denied: ['plain session_missing'],
    });
  }
  const issued = await sessions.create('ada', { from: token });
  expect(await ask(issued.token)).toEqual({
    data: { cart: 'no guest, ada, tea', plain: 'ada', feed: 'no guest, ada' },
    denied: [],
  });
  await app.close();
});

import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { Public, SessionError, SessionModule } from '@latchkey/session';
import request from 'supertest';

@Resolver()
class Queries {
  @Public()
  @Query(() => String)
  open() {
    return 'ran';
  }

  @Query(() => String, { nullable: true })
  closed() {
    return 'ran';
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

describe.each([false, true])(
  'GraphQL by Apollo, with autoTransformHttpErrors: %s',
  (autoTransformHttpErrors) => {
    let app: INestApplication;
    const ask = async (query: string) =>
      (
        await request(await app.getUrl())
          .post('/graphql')
          .send({ query })
      ).body as {
        data?: unknown;
        errors?: { message: string; extensions: Record<string, unknown> }[];
      };

    beforeAll(async () => {
      @Module({
        imports: [
          SessionModule.forRoot({ guard: 'global' }),
          GraphQLModule.forRoot<ApolloDriverConfig>({
            driver: ApolloDriver,
            autoSchemaFile: true,
            autoTransformHttpErrors,
            includeStacktraceInErrorResponses: false,
          }),
        ],
        providers: [Queries],
      })
      class App {}
      app = await NestFactory.create(App, { logger: false });
      await app.listen(0, '127.0.0.1');
    });
    afterAll(() => app.close());

    it('runs what is public and refuses the rest', async () => {
      expect((await ask('{ open }')).data).toEqual({ open: 'ran' });
      const refused = await ask('{ closed }');
      expect(refused.data).toEqual({ closed: null });
      expect(refused.errors?.[0]?.message).toBe("SessionGuard does not serve 'graphql'");
    });

    it('tells what a resolver threw of ours, and nothing of what is inside', async () => {
      const { errors } = await ask('{ throwsOurs }');
      expect(errors?.[0]?.message).toBe('The user is blocked');
      if (autoTransformHttpErrors) {
        expect(errors?.[0]?.extensions).toMatchObject({
          code: 'FORBIDDEN',
          originalError: { code: 'user_blocked', block: { reason: 'spam' } },
        });
      }
      expect(JSON.stringify(errors)).not.toMatch(/secret|mia|node_modules/);
    });
  },
);

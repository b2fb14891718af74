import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { PLATFORMS } from '../support/library-app.js';
import { type ContextKit, describeContext } from './support/describe-context.js';

const apollo = () =>
  GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true });
const mercurius = () =>
  GraphQLModule.forRoot<MercuriusDriverConfig>({
    driver: MercuriusDriver,
    autoSchemaFile: true,
    cache: false,
  });

const graphql = (kit: Pick<ContextKit, 'name' | 'imports' | 'adapter'>): ContextKit => ({
  ...kit,
  among: 'providers',
  onMethod: () => Query(() => String, { nullable: true }),
  onClass: Resolver(),
  connect: async (app, token) => {
    const url = await app.getUrl();
    return {
      call: async (handler) => {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({ query: `{ ${handler} }` }),
        });
        const { data, errors } = (await response.json()) as {
          data?: Record<string, unknown> | null;
          errors?: readonly { extensions?: { code?: unknown } }[];
        };
        if (errors) return { code: errors[0]?.extensions?.code };
        return { value: data?.[handler] };
      },
      close: () => undefined,
    };
  },
});

for (const { name, adapter } of PLATFORMS)
  describeContext(graphql({ name: `GraphQL by Apollo on ${name}`, adapter, imports: () => [apollo()] }));
describeContext(
  graphql({
    name: 'GraphQL by Mercurius',
    adapter: () => new FastifyAdapter(),
    imports: () => [mercurius()],
  }),
);

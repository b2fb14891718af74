import type { Type } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
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
import { Public } from '@latchkey/session';
import { decorate, type Kind, type Subject, type Target } from './kind.js';

@ObjectType()
class Post {
  @Field(() => Int)
  id!: number;
}

const graphqlModule = (enhancers?: ('guards' | 'filters')[]) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    ...(enhancers ? { fieldResolverEnhancers: enhancers } : {}),
  });

const ask =
  (query: string) =>
  async ({ url }: { url: string }): Promise<void> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    await response.text();
  };

/** A schema without a query is none. */
function alive(): Type {
  class Alive {
    alive() {
      return 1;
    }
    post() {
      return { id: 1 };
    }
  }
  decorate(Alive, 'alive', [Query(() => Int), Public()], []);
  decorate(Alive, 'post', [Query(() => Post), Public()], [Resolver()]);
  return Alive;
}

function resolver(
  target: Target,
  how: MethodDecorator,
  of?: Type,
  enhancers?: ('guards' | 'filters')[],
): Subject {
  class Subject {
    act() {
      target.ran();
      return 1;
    }
  }
  decorate(
    Subject,
    'act',
    [how, ...target.onHandler],
    [of ? Resolver(() => of) : Resolver(), ...target.onClass],
  );
  return { owner: Subject, module: { imports: [graphqlModule(enhancers)], providers: [Subject, alive()] } };
}

const field = () => ResolveField('act', () => Int);

export const OPERATIONS: readonly Kind[] = [
  {
    name: 'a query',
    app: 'http',
    subject: (target) =>
      resolver(
        target,
        Query(() => Int),
      ),
    call: ask('{ act }'),
  },
  {
    name: 'a mutation',
    isVariant: true,
    app: 'http',
    subject: (target) =>
      resolver(
        target,
        Mutation(() => Int),
      ),
    call: ask('mutation { act }'),
  },
];

/** A field is as open as the operation that leads to it, which is public here; only what it says itself must hold. */
export const FIELD: Kind = {
  name: 'a field',
  app: 'http',
  subject: (target) => resolver(target, field(), Post),
  call: ask('{ post { act } }'),
};
export const GUARDED_FIELD: Kind = {
  name: 'a field with guards',
  app: 'http',
  subject: (target) => resolver(target, field(), Post, ['guards']),
  call: ask('{ post { act } }'),
};

// Queries, mutations, a field and a subscription behind one guard: GraphQL by Apollo, code first.
import { EventEmitter, on } from 'node:events';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Args,
  Field,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import {
  CurrentUser,
  Fresh,
  Public,
  Roles,
  SessionModule,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { GraphqlSubscriptions, SessionGraphqlModule } from '@latchkey/session/graphql';
import { LoginController } from '../login.controller.js';

@ObjectType()
class Post {
  @Field(() => Int) id!: number;
  @Field() text!: string;
  authorId!: string;
}

@Resolver(() => Post)
class PostResolver {
  private readonly all: Post[] = [];
  private readonly added = new EventEmitter();

  constructor(private readonly users: UserStateService) {}

  @Public()
  @Query(() => [Post])
  posts() {
    return this.all;
  }

  @Query(() => String, { nullable: true })
  me(@CurrentUser() { id }: UserState) {
    return id;
  }

  @Roles('editor')
  @Mutation(() => Post, { nullable: true })
  publish(@Args('text') text: string, @CurrentUser() { id: authorId }: UserState) {
    const post: Post = { id: this.all.length + 1, text, authorId };
    this.all.push(post);
    this.added.emit('post', post);
    return post;
  }

  @Roles('admin')
  @Fresh('5m')
  @Mutation(() => String, { nullable: true })
  async block(@Args('userId') userId: string) {
    await this.users.block(userId, { reason: 'spam' });
    return userId;
  }

  /** A field with a requirement of its own: nullable, so that its refusal leaves the rest of the post. */
  @Roles('editor')
  @ResolveField(() => String, { nullable: true })
  author(@Parent() { authorId }: Post) {
    return authorId;
  }

  @Subscription(() => Post, { resolve: ([post]: [Post]) => post })
  postAdded() {
    return on(this.added, 'post');
  }
}

@Controller('auth')
class AuthController extends LoginController {}

@Module({
  imports: [
    SessionModule.forRoot({ guard: 'global', strict: true, allowMemoryInProduction: true }),
    SessionGraphqlModule,
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      inject: [GraphqlSubscriptions],
      useFactory: (subscriptions: GraphqlSubscriptions) => ({
        autoSchemaFile: true,
        fieldResolverEnhancers: ['guards', 'filters'],
        subscriptions: { 'graphql-ws': subscriptions.graphqlWs() },
      }),
    }),
  ],
  controllers: [AuthController],
  providers: [PostResolver],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}

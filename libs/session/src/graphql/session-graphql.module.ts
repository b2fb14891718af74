import { Global, Module } from '@nestjs/common';
import { GraphqlSubscriptions } from './graphql-subscriptions.js';

/**
 * Gives `GraphqlSubscriptions` to the factory of `GraphQLModule.forRootAsync()`, beside a global `SessionModule`. With
 * `isGlobal: false`, provide `GraphqlSubscriptions` in a module that imports `SessionModule` instead.
 * @example
 * ```ts
 * const imports = [SessionModule.forRoot({ guard: 'global' }), SessionGraphqlModule];
 * ```
 * @publicApi
 */
@Global()
@Module({ providers: [GraphqlSubscriptions], exports: [GraphqlSubscriptions] })
export class SessionGraphqlModule {}

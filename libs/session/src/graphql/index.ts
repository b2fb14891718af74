/**
 * GraphQL subscriptions that end with their session. Needs the packages @nestjs/graphql and graphql-ws, or Mercurius.
 * Queries, mutations and fields need nothing of this: `SessionGuard` serves them.
 * @module @latchkey/session/graphql
 */
export { GraphqlSubscriptions } from './graphql-subscriptions.js';
export type { MercuriusHooks, MercuriusOptions, ServerContext, SubscriptionHooks } from './hooks.js';
export { SessionGraphqlModule } from './session-graphql.module.js';

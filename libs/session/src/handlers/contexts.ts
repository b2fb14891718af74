import { GATEWAY, PATTERN } from './nest-metadata.js';

/** The ways in which Nest hands something from outside to a handler, as the policy manifest calls them. @publicApi */
export type ContextKind = 'http' | 'websocket' | 'graphql' | 'rpc';

/** What a context decides. */
export interface ContextRules {
  /** What Nest's `getType()` calls it. */
  readonly type: string;
  /**
   * What knows where a token would be, and so enforces what decorators demand: `SessionGuard` where it runs,
   * `SessionWsAdapter` or `SessionIoAdapter` where it is the app's adapter. With `none`, `SessionGuard` refuses everything but what is public.
   */
  readonly checkedBy: 'guard' | 'adapter' | 'none';
  /**
   * How `ProblemFilter` answers an error: a response with problem+json, the event `exception`, an error of the
   * microservice, or one whose `extensions` GraphQL servers show; `rethrow`: what Nest or the driver makes of it.
   */
  readonly answer: 'response' | 'exception_event' | 'rpc_error' | 'graphql_error' | 'rethrow';
  /**
   * Where global filters may not reach: Nest's mark of the classes or handlers that `ProblemFilter` is put on one by one;
   * `null`: global filters reach it.
   */
  readonly filterOn: { readonly what: 'class' | 'handler'; readonly mark: string } | null;
  /** `ServiceTokenGuard` serves it, so that its handlers may have `@Scopes()`. */
  readonly takesServiceTokens: boolean;
  /** The client's address can be known: quotas and lists may go by it, and quotas by the request. */
  readonly hasClientIp: boolean;
  /** Its handlers are served at URL paths: browsers send cookies there by their `Path`. */
  readonly hasUrlPaths: boolean;
  /** An app that opens no sockets has none of it: the boot check leaves it out there. */
  readonly needsSockets: boolean;
  /** What the boot check says of requirements that nothing enforces. */
  readonly unenforced: (method: string) => string;
  /** What the option `strict` says of a handler that is open by oversight. */
  readonly open: (method: string) => string;
}

export const OWN_GUARD = 'if a guard of your own enforces them, put @EnforcesAccess() on its class';

export const FIELDS_HINT =
  "Nest runs guards for fields only where GraphQLModule has fieldResolverEnhancers: ['guards']. Put it before the operation";

export const SUBSCRIPTIONS_HINT =
  'SessionGuard serves subscriptions where GraphQLModule has GraphqlSubscriptions, from @latchkey/session/graphql: subscriptions: ' +
  "{ 'graphql-ws': ….graphqlWs() }, or for Mercurius subscription: ….mercurius()";

const OPEN = 'is neither behind a SessionGuard nor @Public(), as the option strict demands';

/** Every context with all that follows from it. How its handlers are found is in handler-finder.ts, by the same names. */
export const CONTEXTS = {
  http: {
    type: 'http',
    checkedBy: 'guard',
    answer: 'response',
    filterOn: null,
    takesServiceTokens: true,
    hasClientIp: true,
    hasUrlPaths: true,
    needsSockets: false,
    unenforced: () =>
      "has requirements such as @Roles() that no guard enforces: add SessionGuard to its @UseGuards(). AuthGuard('latchkey') " +
      `alone does not know them; ${OWN_GUARD}`,
    open: () => `${OPEN}: add @UseGuards(SessionGuard) or @Public(), or set guard: 'global'`,
  },
  websocket: {
    type: 'ws',
    checkedBy: 'adapter',
    answer: 'exception_event',
    filterOn: { what: 'class', mark: GATEWAY },
    takesServiceTokens: false,
    hasClientIp: true,
    hasUrlPaths: false,
    needsSockets: true,
    unenforced: (method) =>
      "has requirements such as @Roles() that nothing enforces: the app's WebSocket adapter lets every client in. Call " +
      'app.useWebSocketAdapter(new SessionWsAdapter(app)), from @latchkey/session/ws, or with a SessionIoAdapter, from ' +
      '@latchkey/session/socket.io, before init() or listen()' +
      // No guard ever sees a handshake.
      (method === 'CONNECT' ? '' : `; ${OWN_GUARD}`),
    open: (method) => {
      const remedy =
        'SessionWsAdapter, from @latchkey/session/ws, guards it, and so does SessionIoAdapter, from @latchkey/session/socket.io';
      return method === 'CONNECT'
        ? `opens sockets for every client, which the option strict allows to a @Public() gateway only: ${remedy}`
        : `${OPEN}: ${remedy}`;
    },
  },
  graphql: {
    type: 'graphql',
    checkedBy: 'guard',
    answer: 'graphql_error',
    filterOn: null,
    takesServiceTokens: false,
    hasClientIp: true,
    hasUrlPaths: false,
    needsSockets: false,
    unenforced: (method) =>
      'has requirements such as @Roles() that no guard enforces: ' +
      `${method === 'FIELD' || method === 'REFERENCE' ? FIELDS_HINT : method === 'SUBSCRIPTION' ? SUBSCRIPTIONS_HINT : 'add SessionGuard to its @UseGuards()'}; ${OWN_GUARD}`,
    open: (method) =>
      `${OPEN}: ${method === 'REFERENCE' ? FIELDS_HINT : method === 'SUBSCRIPTION' ? SUBSCRIPTIONS_HINT : "add @UseGuards(SessionGuard) or @Public(), or set guard: 'global'"}`,
  },
  rpc: {
    type: 'rpc',
    checkedBy: 'guard',
    answer: 'rpc_error',
    filterOn: { what: 'handler', mark: PATTERN },
    takesServiceTokens: true,
    hasClientIp: false,
    hasUrlPaths: false,
    needsSockets: false,
    unenforced: () =>
      'has requirements such as @Roles() that no guard enforces: add SessionGuard to its @UseGuards(), or to those of its class. ' +
      `In a hybrid app global guards may not reach messages; ${OWN_GUARD}`,
    open: () =>
      `${OPEN}. Global guards may not reach messages in a hybrid app: put @UseGuards() on the handler or its class`,
  },
} as const satisfies Readonly<Record<ContextKind, ContextRules>>;

const BY_TYPE: ReadonlyMap<string, ContextRules> = new Map(
  Object.values(CONTEXTS).map((rules) => [rules.type, rules]),
);

/** @returns `undefined` for a context that only some package of the app knows: nothing is checked there. */
export function contextOfType(type: string): ContextRules | undefined {
  return BY_TYPE.get(type);
}

/** The contexts whose calls `SessionGuard` reads: it does not compile until it can read them all. */
export type GuardedContext = {
  [Kind in ContextKind]: (typeof CONTEXTS)[Kind]['checkedBy'] extends 'guard'
    ? (typeof CONTEXTS)[Kind]['type']
    : never;
}[ContextKind];

/** The context that is read without a detour: every request goes this way. */
export const REQUEST_TYPE = CONTEXTS.http.type;

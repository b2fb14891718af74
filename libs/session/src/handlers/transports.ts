import { CONTEXTS } from './contexts.js';
import type { Handler, Reach } from './handler.js';
import type { Method } from './methods.js';
import {
  EVENT_PATTERN,
  GATEWAY,
  GATEWAY_OPTIONS,
  handshakeOf,
  MESSAGE,
  MESSAGE_MAPPING,
  PATTERN,
  PATTERN_TYPE,
  RESOLVER_FIELD,
  RESOLVER_NAME,
  RESOLVER_REFERENCE,
  RESOLVER_TYPE,
} from './nest-metadata.js';

/** The operations that a client asks for; Nest runs guards before these, and by default before no field of their results. */
const OPERATIONS = ['Query', 'Mutation', 'Subscription'] as const;

interface GatewayOptions {
  readonly path?: string;
  readonly namespace?: string | RegExp;
}

/** What is known of the app at boot. */
export interface Surroundings {
  /** `SessionWsAdapter` or `SessionIoAdapter` is the app's, and checks every handshake and message. */
  readonly isWsChecked: boolean;
  /** Nest runs guards for the fields of GraphQL results, too. */
  readonly areFieldsGuarded: boolean;
  /** `GraphqlSubscriptions` checks every connection that subscriptions come by. */
  readonly areSubscriptionsChecked: boolean;
  /** A microservice and nothing else: in a hybrid app nobody can know whether its guards reach messages. */
  readonly isMicroserviceOnly: boolean;
}

export type Finder = (owner: Function, methods: readonly Method[], surroundings: Surroundings) => Handler[];

/** Who may open a socket, and who may send which message. */
export const gatewayHandlers: Finder = (owner, methods, { isWsChecked }) => {
  if (!read(GATEWAY, owner)) return [];
  const { path, namespace } = (read(GATEWAY_OPTIONS, owner) ?? {}) as GatewayOptions;
  const common = { kind: 'websocket', paths: [String(path ?? namespace ?? '/')], class: owner } as const;
  const checkedBy = isWsChecked ? CONTEXTS.websocket.checkedBy : 'none';
  const handshake = handshakeOf(owner);
  return [
    {
      ...common,
      method: 'CONNECT',
      name: methods.some(([, handler]) => handler === handshake)
        ? `${owner.name}.handleConnection`
        : owner.name,
      handler: handshake,
      reach: { checkedBy, global: false, perRequest: false, own: false },
    },
    ...methods
      .filter(([, handler]) => Reflect.hasMetadata(MESSAGE_MAPPING, handler))
      .map(([name, handler]) => ({
        ...common,
        method: 'MESSAGE',
        message: textOf(read(MESSAGE, handler)),
        name: `${owner.name}.${name}`,
        handler,
        // Nest 11 runs no global guards here, and Nest 12 none that are made anew for each request.
        reach: { checkedBy, global: false, perRequest: false, own: true } as const,
      })),
  ];
};

/** Operations, and the fields of their results. */
export const resolverHandlers: Finder = (owner, methods, { areFieldsGuarded, areSubscriptionsChecked }) =>
  methods.flatMap(([name, handler]): Handler[] => {
    const type = read(RESOLVER_TYPE, handler);
    const operation = OPERATIONS.find((one) => one === type);
    // A gateway, or anybody, gets at it by `_entities`, a query that is no handler.
    const isReference = Reflect.hasMetadata(RESOLVER_REFERENCE, handler);
    if (!operation && !isReference && !Reflect.hasMetadata(RESOLVER_FIELD, handler)) return [];
    const own = operation !== undefined || areFieldsGuarded;
    const isChecked = operation !== 'Subscription' || areSubscriptionsChecked;
    const field = (read(RESOLVER_NAME, handler) as string | undefined) ?? name;
    const parent = operation ? '' : `${(read(RESOLVER_TYPE, owner) as string | undefined) ?? owner.name}.`;
    return [
      {
        kind: 'graphql',
        method: operation?.toUpperCase() ?? (isReference ? 'REFERENCE' : 'FIELD'),
        paths: [parent + field],
        name: `${owner.name}.${name}`,
        handler,
        class: owner,
        reach: {
          checkedBy: isChecked ? CONTEXTS.graphql.checkedBy : 'none',
          global: own,
          perRequest: own,
          own,
        },
      },
    ];
  });

/** Messages and events of a microservice. */
export const messageHandlers: Finder = (owner, methods, { isMicroserviceOnly }) =>
  methods
    .filter(([, handler]) => Reflect.hasMetadata(PATTERN_TYPE, handler))
    .map(([name, handler]) => {
      const reach: Reach = {
        checkedBy: CONTEXTS.rpc.checkedBy,
        global: isMicroserviceOnly,
        perRequest: isMicroserviceOnly,
        own: true,
      };
      return {
        kind: 'rpc',
        method: read(PATTERN_TYPE, handler) === EVENT_PATTERN ? 'EVENT' : 'MESSAGE',
        paths: ([] as unknown[]).concat(read(PATTERN, handler)).map(textOf),
        name: `${owner.name}.${name}`,
        handler,
        class: owner,
        reach,
      };
    });

function read(key: string, target: object): unknown {
  return Reflect.getMetadata(key, target);
}

function textOf(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern;
  return typeof pattern === 'symbol' ? String(pattern) : (JSON.stringify(pattern) ?? '');
}

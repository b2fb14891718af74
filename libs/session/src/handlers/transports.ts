import type { Handler, Reach } from './handler.js';
import type { Method } from './methods.js';

// Metadata keys of @nestjs/websockets, @nestjs/graphql and @nestjs/microservices, none of which need be there.
const GATEWAY = 'websockets:is_gateway';
const GATEWAY_OPTIONS = 'websockets:gateway_options';
const MESSAGE_MAPPING = 'websockets:message_mapping';
const MESSAGE = 'message';
const RESOLVER_TYPE = 'graphql:resolver_type';
const RESOLVER_NAME = 'graphql:resolver_name';
const RESOLVER_FIELD = 'graphql:resolve_property';
const RESOLVER_REFERENCE = 'graphql:resolve_reference';
const PATTERN = 'microservices:pattern';
const PATTERN_TYPE = 'microservices:handler_type';
const EVENT_PATTERN = 2;

/** The operations that a client asks for; Nest runs guards before these, and by default before no field of their results. */
const OPERATIONS = ['Query', 'Mutation', 'Subscription'] as const;

interface GatewayOptions {
  readonly path?: string;
  readonly namespace?: string | RegExp;
}

/** What is known of the app at boot. */
export interface Surroundings {
  /** `SessionWsAdapter` is the app's, and checks every handshake and message. */
  readonly isWsChecked: boolean;
  /** Nest runs guards for the fields of GraphQL results, too. */
  readonly areFieldsGuarded: boolean;
  /** A microservice and nothing else: in a hybrid app nobody can know whether its guards reach messages. */
  readonly isMicroserviceOnly: boolean;
}

type Finder = (owner: Function, methods: readonly Method[], surroundings: Surroundings) => Handler[];

/** Stands for the handshake where a gateway has no `handleConnection` to put decorators on. */
function handshake(): void {}

/** Who may open a socket, and who may send which message. */
export const gatewayHandlers: Finder = (owner, methods, { isWsChecked }) => {
  if (!read(GATEWAY, owner)) return [];
  const { path, namespace } = (read(GATEWAY_OPTIONS, owner) ?? {}) as GatewayOptions;
  const common = { kind: 'websocket', paths: [String(path ?? namespace ?? '/')], class: owner } as const;
  const checkedBy = isWsChecked ? 'adapter' : 'none';
  const connection = methods.find(([name]) => name === 'handleConnection')?.[1];
  return [
    {
      ...common,
      method: 'CONNECT',
      name: connection ? `${owner.name}.handleConnection` : owner.name,
      handler: connection ?? handshake,
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
        // Global guards that are made anew for each request, Nest leaves out here.
        reach: { checkedBy, global: true, perRequest: false, own: true } as const,
      })),
  ];
};

/** Operations, and the fields of their results. */
export const resolverHandlers: Finder = (owner, methods, { areFieldsGuarded }) =>
  methods.flatMap(([name, handler]): Handler[] => {
    const type = read(RESOLVER_TYPE, handler);
    const operation = OPERATIONS.find((one) => one === type);
    const isField = [RESOLVER_FIELD, RESOLVER_REFERENCE].some((key) => Reflect.hasMetadata(key, handler));
    if (!operation && !isField) return [];
    const own = operation !== undefined || areFieldsGuarded;
    const field = (read(RESOLVER_NAME, handler) as string | undefined) ?? name;
    const parent = operation ? '' : `${(read(RESOLVER_TYPE, owner) as string | undefined) ?? owner.name}.`;
    return [
      {
        kind: 'graphql',
        method: operation?.toUpperCase() ?? 'FIELD',
        paths: [parent + field],
        name: `${owner.name}.${name}`,
        handler,
        class: owner,
        reach: { checkedBy: 'none', global: own, perRequest: own, own },
      },
    ];
  });

/** Messages and events of a microservice. */
export const messageHandlers: Finder = (owner, methods, { isMicroserviceOnly }) =>
  methods
    .filter(([, handler]) => Reflect.hasMetadata(PATTERN_TYPE, handler))
    .map(([name, handler]) => {
      const reach: Reach = {
        checkedBy: 'none',
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

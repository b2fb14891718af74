import type { CanActivate } from '@nestjs/common';

// The metadata by which Nest and its packages know handlers. Each key is written here, because the place to import it from
// differs between the versions of Nest, and three of the packages may be absent. nest-metadata.spec.ts compares them with Nest's own.

export const PATH = 'path';
export const METHOD = 'method';
export const HOST = 'host';
export const VERSION = '__version__';
/** Followed by the app's id; by nothing in older versions. */
export const MODULE_PATH = '__module_path__';
export const GUARDS = '__guards__';
export const INTERCEPTORS = '__interceptors__';
export const SSE = '__sse__';
export const EXCEPTION_FILTERS = '__exceptionFilters__';

export const GATEWAY = 'websockets:is_gateway';
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
export const GATEWAY_PORT = 'port';
export const MESSAGE_MAPPING = 'websockets:message_mapping';
export const MESSAGE = 'message';

export const RESOLVER_TYPE = 'graphql:resolver_type';
export const RESOLVER_NAME = 'graphql:resolver_name';
export const RESOLVER_FIELD = 'graphql:resolve_property';
export const RESOLVER_REFERENCE = 'graphql:resolve_reference';
/** The injection key of a GraphQL module's options. */
export const GRAPHQL_OPTIONS = 'GqlModuleOptions';

export const PATTERN = 'microservices:pattern';
export const PATTERN_TYPE = 'microservices:handler_type';
/** What `PATTERN_TYPE` is for an event. */
export const EVENT_PATTERN = 2;

/** The guards that `@UseGuards()` put on a class or a handler: classes and instances. */
export function guardsOn(target: Function): readonly (Function | CanActivate)[] {
  return (Reflect.getMetadata(GUARDS, target) as (Function | CanActivate)[] | undefined) ?? [];
}

/** The handler of a handshake; where a gateway has no `handleConnection` to put decorators on, one without any. */
export function handshakeOf(gateway: Function): Function {
  const { handleConnection } = (gateway.prototype ?? {}) as { handleConnection?: unknown };
  return typeof handleConnection === 'function' ? handleConnection : noHandshake;
}

function noHandshake(): void {}

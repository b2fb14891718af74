import { Injectable, RequestMethod } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { servedAt, type RouteParts, type RouteVersion, type ServedAt } from './policy-manifest-paths.js';

// Metadata keys of Nest and its packages; where they can be imported from differs between versions, and the packages
// for WebSocket and GraphQL need not be there.
const PATH = 'path';
const METHOD = 'method';
const HOST = 'host';
const VERSION = '__version__';
const MODULE_PATH = '__module_path__';
const GATEWAY = 'websockets:is_gateway';
const GATEWAY_OPTIONS = 'websockets:gateway_options';
const MESSAGE_MAPPING = 'websockets:message_mapping';
const MESSAGE = 'message';
const RESOLVER_TYPE = 'graphql:resolver_type';
const RESOLVER_NAME = 'graphql:resolver_name';

/** The resolvers that a client can ask for; guards run before these, and by default before no field of their results. */
const RESOLVER_TYPES = ['Query', 'Mutation', 'Subscription'] as const;

type Paths = string | readonly string[];
interface GatewayOptions {
  readonly path?: string;
  readonly namespace?: string | RegExp;
}
type Provider = ReturnType<DiscoveryService['getProviders']>[number];

/** One method that requests, messages or operations from outside end up in. */
export interface Handler extends ServedAt {
  readonly kind: 'http' | 'websocket' | 'graphql';
  readonly method: string;
  /** The event that a WebSocket handler is for. */
  readonly message?: string;
  readonly host?: Paths;
  /** `Controller.method`. */
  readonly name: string;
  readonly handler: Function;
  readonly class: Function;
}

/** Finds every handler that Nest will route to, by the metadata that Nest itself goes by. */
@Injectable()
export class HandlerFinder {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly config: ApplicationConfig,
    private readonly modules: ModulesContainer,
  ) {}

  find(): Handler[] {
    const controllers = this.discovery.getControllers();
    return [
      ...controllers.flatMap((controller) => this.routesOf(controller)),
      ...[...this.discovery.getProviders(), ...controllers].flatMap((provider) => [
        ...this.messagesOf(provider),
        ...this.resolversOf(provider),
      ]),
    ];
  }

  private routesOf(controller: Provider): Handler[] {
    const owner = controller.metatype;
    if (typeof owner !== 'function') return [];
    const modulePath = this.modulePathOf(controller.host?.metatype);
    return this.methodsOf(owner, PATH).map(([name, handler]): Handler => {
      const requestMethod = (read(METHOD, handler) as RequestMethod | undefined) ?? RequestMethod.GET;
      const host = read(HOST, owner) as Paths | undefined;
      const parts: RouteParts = {
        requestMethod,
        modulePath,
        controllerPaths: listOf(read(PATH, owner)),
        handlerPaths: listOf(read(PATH, handler)),
        controllerVersion: read(VERSION, owner) as RouteVersion | undefined,
        handlerVersion: read(VERSION, handler) as RouteVersion | undefined,
      };
      return {
        kind: 'http',
        method: RequestMethod[requestMethod],
        ...servedAt(parts, this.config),
        ...(host === undefined ? {} : { host }),
        name: `${owner.name}.${name}`,
        handler,
        class: owner,
      };
    });
  }

  private messagesOf({ metatype, isNotMetatype }: Provider): Handler[] {
    // What a factory makes, Nest does not connect either.
    if (isNotMetatype || typeof metatype !== 'function' || !read(GATEWAY, metatype)) return [];
    const { path, namespace } = (read(GATEWAY_OPTIONS, metatype) ?? {}) as GatewayOptions;
    return this.methodsOf(metatype, MESSAGE_MAPPING).map(([name, handler]) => ({
      kind: 'websocket',
      method: 'MESSAGE',
      paths: [String(path ?? namespace ?? '/')],
      message: messageName(read(MESSAGE, handler)),
      name: `${metatype.name}.${name}`,
      handler,
      class: metatype,
    }));
  }

  private resolversOf(provider: Provider): Handler[] {
    const owner = classOf(provider);
    if (!owner) return [];
    return this.methodsOf(owner, RESOLVER_TYPE).flatMap(([name, handler]): Handler[] => {
      const type = RESOLVER_TYPES.find((one) => one === read(RESOLVER_TYPE, handler));
      if (!type) return [];
      return [
        {
          kind: 'graphql',
          method: type.toUpperCase(),
          paths: [(read(RESOLVER_NAME, handler) as string | undefined) ?? name],
          name: `${owner.name}.${name}`,
          handler,
          class: owner,
        },
      ];
    });
  }

  private methodsOf(owner: Function, metadataKey: string): [name: string, handler: Function][] {
    const prototype = owner.prototype as Record<string, unknown> | undefined;
    if (!prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((name): [string, Function][] => {
      const handler = prototype[name];
      return typeof handler === 'function' && Reflect.hasMetadata(metadataKey, handler)
        ? [[name, handler]]
        : [];
    });
  }

  /** What `RouterModule` puts before a module's controllers, for this app or, in older versions, for all. */
  private modulePathOf(module: Function | undefined): string | undefined {
    if (!module) return undefined;
    const path = read(MODULE_PATH + this.modules.applicationId, module) ?? read(MODULE_PATH, module);
    return path as string | undefined;
  }
}

function read(key: string, target: object): unknown {
  return Reflect.getMetadata(key, target);
}

function listOf(paths: unknown): readonly string[] {
  return Array.isArray(paths) ? (paths as string[]) : [typeof paths === 'string' ? paths : ''];
}

function messageName(message: unknown): string {
  return typeof message === 'string' ? message : JSON.stringify(message);
}

/** The class of what a provider gives, also when a factory makes it. */
function classOf({ metatype, isNotMetatype, instance }: Provider): Function | undefined {
  if (!isNotMetatype) return typeof metatype === 'function' ? metatype : undefined;
  if (typeof instance !== 'object' || instance === null) return undefined;
  return (Object.getPrototypeOf(instance) as { constructor?: Function } | null)?.constructor;
}

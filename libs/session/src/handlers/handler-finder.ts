import { Injectable, RequestMethod } from '@nestjs/common';
import {
  ApplicationConfig,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
  ModulesContainer,
} from '@nestjs/core';
import { type ContextKind, CONTEXTS } from './contexts.js';
import type { Handler, Paths } from './handler.js';
import { classOf, madeClassOf, methodsOf, type Provider } from './methods.js';
import { GRAPHQL_OPTIONS, HOST, METHOD, MODULE_PATH, PATH, VERSION } from './nest-metadata.js';
import { servedAt, type RouteParts, type RouteVersion } from './paths.js';
import {
  type Finder,
  gatewayHandlers,
  messageHandlers,
  resolverHandlers,
  type Surroundings,
} from './transports.js';

/** What has it checks every handshake and message by the decorators: a WebSocket adapter, and GraphQL's `onConnect`. */
export const CHECKS_SOCKETS: unique symbol = Symbol.for('@latchkey/session:checks-sockets') as never;

/** What bears on the guards, of the options of a GraphQL module. */
interface GraphqlOptions {
  readonly fieldResolverEnhancers?: readonly string[];
  /** Apollo's. */
  readonly subscriptions?: { readonly 'graphql-ws'?: unknown };
  /** Mercurius's. */
  readonly subscription?: unknown;
}

/** Finds every handler that Nest will route to, by the metadata that Nest itself goes by. */
@Injectable()
export class HandlerFinder {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly config: ApplicationConfig,
    private readonly modules: ModulesContainer,
    private readonly host: HttpAdapterHost,
  ) {}

  find(): Handler[] {
    const controllers = this.discovery.getControllers();
    const providers = this.discovery.getProviders();
    const surroundings = this.surroundings(providers);
    const found = (classes: readonly (Function | undefined)[], finder: Finder): Handler[] =>
      classes.flatMap((owner) => (owner ? finder(owner, methodsOf(owner, this.scanner), surroundings) : []));
    const all = [...providers, ...controllers];
    const byContext: Readonly<Record<ContextKind, () => Handler[]>> = {
      http: () => controllers.flatMap((controller) => this.routesOf(controller)),
      rpc: () => found(controllers.map(madeClassOf), messageHandlers),
      // Nest connects what a factory makes to GraphQL, and to no socket.
      websocket: () => found(all.map(madeClassOf), gatewayHandlers),
      graphql: () => found(all.map(classOf), resolverHandlers),
    };
    return Object.values(byContext).flatMap((find) => find());
  }

  /** Methods of what Nest makes that are in none of these handlers. */
  strays(handlers: readonly Handler[]): Pick<Handler, 'name' | 'handler' | 'class'>[] {
    const known = new Set(handlers.map(({ handler }) => handler));
    return [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap((provider) => {
      const owner = madeClassOf(provider);
      if (!owner) return [];
      return methodsOf(owner, this.scanner)
        .filter(([, handler]) => !known.has(handler))
        .map(([name, handler]) => ({ name: `${owner.name}.${name}`, handler, class: owner }));
    });
  }

  /** The classes of controllers and providers. */
  classes(): Function[] {
    const all = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    return all.map(madeClassOf).filter((one) => one !== undefined);
  }

  /**
   * Methods of controllers that the instance has another function for, such as one bound in the constructor. Nest finds a
   * route on the prototype and runs the instance's. One that is made for each request is not there to be looked at.
   */
  shadowed(): { readonly name: string; readonly handler: Function; readonly runs: Function }[] {
    return this.discovery.getControllers().flatMap(({ metatype, instance }) => {
      if (typeof metatype !== 'function' || typeof instance !== 'object' || instance === null) return [];
      return methodsOf(metatype, this.scanner).flatMap(([name, handler]) => {
        const runs: unknown = Object.getOwnPropertyDescriptor(instance, name)?.value;
        if (typeof runs !== 'function' || runs === handler) return [];
        return [{ name: `${metatype.name}.${name}`, handler, runs }];
      });
    });
  }

  /** Whether the app answers HTTP; a command that only takes services from it does not. */
  get isHttpApp(): boolean {
    // Absent in an application context and in a microservice, whatever the type says.
    return Boolean(this.host.httpAdapter);
  }

  /** Whether sockets are opened, by any adapter. A microservice has its default one only after `onModuleInit`. */
  get opensSockets(): boolean {
    return this.isHttpApp || Boolean(this.config.getIoAdapter()) || this.isMicroservice();
  }

  private isMicroservice(): boolean {
    let isOne = false;
    // Older versions of Nest have no such registry; it tells at once what it knows.
    this.modules
      .getRpcTargetRegistry?.()
      .subscribe(() => (isOne = true))
      .unsubscribe();
    return isOne;
  }

  private surroundings(providers: readonly Provider[]): Surroundings {
    const adapter: unknown = this.config.getIoAdapter();
    const graphql = providers
      .filter(({ token }) => token === GRAPHQL_OPTIONS)
      .map(({ instance }) => instance as GraphqlOptions | undefined);
    return {
      isWsChecked: typeof adapter === 'object' && adapter !== null && CHECKS_SOCKETS in adapter,
      areFieldsGuarded:
        graphql.length > 0 &&
        graphql.every((options) => options?.fieldResolverEnhancers?.includes('guards') === true),
      areSubscriptionsChecked: graphql.length > 0 && graphql.every(checksConnections),
      isMicroserviceOnly: !this.isHttpApp,
    };
  }

  private routesOf(controller: Provider): Handler[] {
    const owner = controller.metatype;
    if (typeof owner !== 'function') return [];
    const modulePath = this.modulePathOf(controller.host?.metatype);
    const methods = methodsOf(owner, this.scanner).filter(([, handler]) =>
      Reflect.hasMetadata(PATH, handler),
    );
    return methods.map(([name, handler]): Handler => {
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
        host,
        name: `${owner.name}.${name}`,
        handler,
        class: owner,
        reach: { checkedBy: CONTEXTS.http.checkedBy, global: true, perRequest: true, own: true },
      };
    });
  }

  /** What `RouterModule` puts before a module's controllers, for this app or, in older versions, for all. */
  private modulePathOf(module: Function | undefined): string | undefined {
    if (!module) return undefined;
    const path = read(MODULE_PATH + this.modules.applicationId, module) ?? read(MODULE_PATH, module);
    return path as string | undefined;
  }
}

function checksConnections(options: GraphqlOptions | undefined): boolean {
  const server: unknown = options?.subscriptions?.['graphql-ws'] ?? options?.subscription;
  const { onConnect } = Object(server) as { readonly onConnect?: unknown };
  return CHECKS_SOCKETS in Object(onConnect);
}

function read(key: string, target: object): unknown {
  return Reflect.getMetadata(key, target);
}

function listOf(paths: unknown): readonly string[] {
  return Array.isArray(paths) ? (paths as string[]) : [typeof paths === 'string' ? paths : ''];
}

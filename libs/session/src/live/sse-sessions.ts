import { type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import {
  type HttpRequest,
  isGone,
  nodeRequestOf,
  rawResponseOf,
  type StreamableResponse,
} from '../contexts/http/http.js';
import { PlacedGuard } from '../guard/calls/message-check.js';
import { type RequestAccess, requestAccessOf } from '../guard/calls/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import { functionsOf, isSse } from '../handlers/methods.js';
import { GUARDS, guardsOn, INTERCEPTORS } from '../handlers/nest-metadata.js';
import { LiveConnections } from './live-connections.js';
import { SseSession } from './sse-session.js';

/** Where the `SessionModule` whose guard lets requests in keeps its connections. */
const connectionsOf = new WeakMap<object, LiveConnections>();
/** Between the guard that registers a stream and the interceptor that ends it. */
const sessionOf = new WeakMap<object, SseSession>();

/**
 * Ends Nest's own `@Sse()` streams with their session, as `EventStreams` does: a stream demands for as long as it lasts
 * what its handler demands, tells its client `session-ended` with `{ code }`, and counts against the option `live`. Only
 * `@Sse()` handlers get the guard and the interceptor that do so; other routes pay nothing.
 */
@Injectable()
export class SseSessions {
  /** Nest reads the metadata when it makes the routes, which is after every constructor and before any hook. */
  constructor(connections: LiveConnections, transport: SessionTransport, modules: ModulesContainer) {
    connectionsOf.set(transport, connections);
    for (const { controllers } of modules.values()) {
      for (const { metatype } of controllers.values())
        if (typeof metatype === 'function') functionsOf(metatype).filter(isSse).forEach(watchOver);
    }
  }
}

/** The guard comes after all others, the interceptor before the handler's own. */
function watchOver(handler: Function): void {
  const guards = guardsOn(handler);
  if (guards.includes(registering)) return;
  Reflect.defineMetadata(GUARDS, [...guards, registering], handler);
  const interceptors = (Reflect.getMetadata(INTERCEPTORS, handler) as readonly unknown[] | undefined) ?? [];
  Reflect.defineMetadata(INTERCEPTORS, [ending, ...interceptors], handler);
}

/** A guard, because Nest may have sent the head of the reply before an interceptor can refuse anything. */
class RegistersStreams extends PlacedGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.getArgByIndex<HttpRequest>(0);
    const access = admissionOf(request);
    const connections = access && connectionsOf.get(access.realm);
    if (!connections) return true;
    const transport = access.realm as SessionTransport;
    const response = rawResponseOf(context.getArgByIndex<StreamableResponse>(1));
    const connection = await connections.register({
      token: transport.readToken(request),
      clientIp: transport.clientIp(request),
      requirements: access.requirements,
      isGone: () => isGone(response),
    });
    sessionOf.set(access.request, new SseSession(connection, response));
    return true;
  }
}

const registering = new RegistersStreams();

const ending: NestInterceptor = {
  intercept(context, next): Observable<unknown> {
    const session = sessionOf.get(nodeRequestOf(context.getArgByIndex<HttpRequest>(0)));
    return session ? session.follow(() => next.handle()) : next.handle();
  },
};

/** The last guard that let the request in with a session; `undefined` for a stream that needs none. */
function admissionOf(request: HttpRequest): RequestAccess | undefined {
  let access = requestAccessOf(request);
  while (access && (access.admitted === undefined || access.admitted === 'anonymous'))
    access = access.earlier;
  return access;
}

import { type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type Observable, tap } from 'rxjs';
import { answerRpc } from '../../contexts/rpc/answer.js';
import { type GrpcCall, grpcStreamOf, rpcCallOf } from '../../contexts/rpc/message.js';
import { PlacedGuard } from '../../guard/calls/message-check.js';
import { rpcErrorOf } from '../../guard/problem.filter.js';
import { requestAccessOf } from '../../guard/calls/request-access.js';
import { SessionTransport } from '../../guard/session-transport.js';
import { functionsOf, isGrpcStream, isRequest } from '../../handlers/methods.js';
import { GUARDS, guardsOn, INTERCEPTORS } from '../../handlers/nest-metadata.js';
import type { LiveConnection } from '../live-connection.js';
import { type LiveCandidate, LiveConnections } from '../live-connections.js';
import { endError, followEagerly, followLazily, gated } from './reply.js';

/** A message that a guard let in with a session: what a connection is registered with, and where. */
interface Admission {
  readonly unit: object;
  readonly connections: LiveConnections;
  readonly candidate: LiveCandidate;
}

/** Where the `SessionModule` whose guard lets messages in keeps its connections. */
const connectionsOf = new WeakMap<object, LiveConnections>();
/** Between the guard that registers a stream of requests and the interceptor that ends the reply. */
const connectionOf = new WeakMap<object, LiveConnection>();

/**
 * Ends long replies to messages with their session: gRPC's streams, and every `Observable` that goes on after its first
 * value. Events have no reply and are left alone.
 */
@Injectable()
export class RpcReplies {
  /** Nest reads the metadata when a microservice is connected, which is after every constructor and before any hook. */
  constructor(connections: LiveConnections, transport: SessionTransport, modules: ModulesContainer) {
    connectionsOf.set(transport, connections);
    for (const { controllers } of modules.values()) {
      for (const { metatype } of controllers.values())
        if (typeof metatype === 'function') functionsOf(metatype).filter(isRequest).forEach(watchOver);
    }
  }
}

/** The guard comes after all others, the interceptor before the handler's own. */
function watchOver(handler: Function): void {
  const interceptors = (Reflect.getMetadata(INTERCEPTORS, handler) as readonly unknown[] | undefined) ?? [];
  if (interceptors.includes(ending)) return;
  Reflect.defineMetadata(INTERCEPTORS, [ending, ...interceptors], handler);
  if (isGrpcStream(handler)) Reflect.defineMetadata(GUARDS, [...guardsOn(handler), registering], handler);
}

/** A client that streams its requests has a connection from the first one on. */
class RegistersStreams extends PlacedGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const args = context.getArgs<unknown[]>();
    const admission = admissionOf(args);
    if (!admission) return true;
    const call = (grpcStreamOf(args) ?? args[2]) as GrpcCall;
    const connection = await admission.connections.register({
      ...admission.candidate,
      isGone: () => call.cancelled,
    });
    call.once('cancelled', () => connection.closed());
    connectionOf.set(admission.unit, connection);
    if (!grpcStreamOf(args)) args[0] = gated(args[0] as Observable<unknown>, connection);
    else guardStream(args, connection);
    return true;
  }
}

const registering = new RegistersStreams();

const ending: NestInterceptor = {
  intercept(context, next): Observable<unknown> {
    const args = context.getArgs<unknown[]>();
    const unit = rpcCallOf(args)?.unit;
    const connection = unit && connectionOf.get(unit);
    // The handler of a raw stream answers by itself, unless it throws.
    if (grpcStreamOf(args)) return next.handle().pipe(tap({ error: () => connection?.closed() }));
    if (connection) return followEagerly(next.handle(), connection);
    const admission = admissionOf(args);
    return admission ? followLazily(next.handle(), admission) : next.handle();
  },
};

/** `@GrpcStreamCall()`: the handler writes to the stream itself, and hears what comes. */
function guardStream(args: unknown[], connection: LiveConnection): void {
  const stream = grpcStreamOf(args);
  const [, callback] = args;
  if (!stream) return;
  const write = stream.write.bind(stream);
  stream.write = (...given) => {
    let hasRoom = true;
    connection.deliver({ deliver: () => void (hasRoom = write(...given)), bytes: STREAMED_BYTES });
    return hasRoom;
  };
  // In its turn: what is held back would come after the end. Once the connection is over, it is how an error goes out.
  const end = stream.end?.bind(stream);
  if (end) {
    stream.end = (...given) => {
      const deliver = (): void => void end(...given);
      if (connection.isEnded) deliver();
      else connection.deliver({ deliver, bytes: 0 });
      return stream;
    };
  }
  const closed = (): void => connection.closed();
  for (const event of ['finish', 'close'] as const) stream.once(event, closed);
  if (typeof callback === 'function') {
    args[1] = (...reply: unknown[]): void => {
      if (connection.isEnded) return;
      closed();
      callback(...reply);
    };
  }
  connection.open((reason) => {
    stream.pause();
    answerRpc([stream, callback], rpcErrorOf(endError(reason)));
  });
}

/** What a message counts for while it waits: nobody knows how long it will be on the wire. */
const STREAMED_BYTES = 1_024;

/** `undefined` for a message that needs no session. */
function admissionOf(args: readonly unknown[]): Admission | undefined {
  const call = rpcCallOf(args);
  let access = call?.unit && requestAccessOf(call.unit);
  while (access && (access.admitted === undefined || access.admitted === 'anonymous'))
    access = access.earlier;
  const connections = access && connectionsOf.get(access.realm);
  if (!call?.unit || !access || !connections) return undefined;
  const { requirements } = access;
  return { unit: call.unit, connections, candidate: { token: call.credentials?.token, requirements } };
}

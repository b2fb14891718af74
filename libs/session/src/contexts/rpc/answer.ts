import { of, type Observable, throwError } from 'rxjs';
import { type GrpcMetadata, grpcMetadataOf, grpcStreamOf } from './message.js';

/** A denial as a microservice's client gets it: Nest's own form, `status` and `message`, and what the problem has besides. */
export interface RpcError {
  readonly status: 'error';
  readonly code: string;
  readonly message: string;
  /** The HTTP status. */
  readonly statusCode: number;
}

/** gRPC's status code by HTTP's, as google.rpc.Code pairs them. */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 5, // NOT_FOUND
  409: 10, // ABORTED
  413: 3, // INVALID_ARGUMENT
  429: 8, // RESOURCE_EXHAUSTED
  503: 14, // UNAVAILABLE
};
const UNKNOWN = 2;

/** A reply that is none. Unlike an empty one it lets other handlers of the same event go on. */
export const NOTHING = of(undefined) as Observable<never>;

/** Answers a message with an error. @returns what a filter has to return for that */
export function answerRpc(args: readonly unknown[], error: RpcError): Observable<never> {
  const metadata = grpcMetadataOf(args);
  if (!metadata) return throwError(() => error);
  const stream = grpcStreamOf(args);
  const status = grpcErrorOf(error, metadata);
  if (!stream) return throwError(() => status);
  // Nobody listens to what a handler of such a stream returns: a rejection would end the process, and no client hear of it.
  const [, callback] = args;
  if (typeof callback === 'function') callback(status);
  else stream.emit('error', status);
  return NOTHING;
}

/** As `@grpc/grpc-js` sends it: a status, and in the trailing metadata our code and the whole error as JSON. */
export function grpcErrorOf(error: RpcError, received: GrpcMetadata): object {
  const { code, message, statusCode } = error;
  const metadata = new (received.constructor as new () => GrpcMetadata)();
  metadata.set('error-code', code);
  metadata.set('problem-bin', Buffer.from(JSON.stringify(error)));
  return { code: GRPC_STATUS[statusCode] ?? UNKNOWN, message, details: message, metadata };
}

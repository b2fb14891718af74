import { bearerToken } from '../http/bearer.js';
import type { ReadCall } from '../http/guarded-call.js';
import type { NodeRequest } from '../http/http.js';

/** What stands for a request: a message has headers of its own at most, and its peer is a broker. */
type RpcRequest = Pick<NodeRequest, 'headers' | 'method' | 'socket'> & {
  readonly rawHeaders: string[];
};

/** What Nest hands a handler besides the payload: gRPC's metadata, or a context such as `NatsContext`. */
type MessageContext = Readonly<Record<string, unknown>>;

/** A call that streams, as handlers get it: its client may be gone. */
export interface GrpcCall {
  readonly cancelled: boolean;
  once(event: 'finish' | 'cancelled' | 'close', listener: () => void): unknown;
}

/** The stream that `@GrpcStreamCall()` handlers get in place of a payload. */
export interface GrpcStream extends GrpcCall {
  readonly metadata: GrpcMetadata;
  write(...args: unknown[]): boolean;
  /** Absent where only the client streams. */
  end?(...args: unknown[]): unknown;
  pause(): unknown;
  emit(event: 'error', error: object): unknown;
}

/** What the library needs of the `Metadata` of `@grpc/grpc-js`. */
export interface GrpcMetadata {
  get(key: string): unknown[];
  set(key: string, value: unknown): void;
}

const AUTHORIZATION = 'authorization';
/** Something was sent, and it can be no token. */
const UNUSABLE = 'Bearer';

const requests = new WeakMap<object, RpcRequest>();

/** The message that a handler is about to get, by the one of its arguments that no other handler and message has. */
export const rpcCallOf: ReadCall = (args) => {
  const unit = unitOf(args);
  if (!unit) return undefined;
  const request = rpcRequestOf(unit, args[0]);
  const token = bearerToken(request.headers[AUTHORIZATION]);
  // Whatever transports of HTTP the options allow: here no browser sends anything by itself.
  return { request, unit, credentials: token === undefined ? {} : { token, transport: 'bearer' } };
};

/** What stands for the request of a message, always the same one object. */
function rpcRequestOf(unit: MessageContext, payload: unknown): RpcRequest {
  let request = requests.get(unit);
  if (!request) {
    const sent = authorizationOf(unit, payload);
    const headers = sent === undefined ? {} : { [AUTHORIZATION]: typeof sent === 'string' ? sent : UNUSABLE };
    request = { headers, method: 'MESSAGE', socket: undefined as never, rawHeaders: [] };
    requests.set(unit, request);
  }
  return request;
}

/**
 * gRPC has one handler for each call. Elsewhere all handlers of an event get the same context, and a transport of the app's
 * own may have one for everything: each handler gets one of its own, made from that.
 */
function unitOf(args: readonly unknown[]): MessageContext | undefined {
  const unit: unknown = grpcStreamOf(args) ?? args[1];
  if (isMetadata(unit) || grpcStreamOf([unit])) return unit as MessageContext;
  if (!isObject(unit) || !isFunction(unit['getArgs'])) return undefined;
  if (requests.has(unit)) return unit;
  // Guards, interceptors and the handler share the array of arguments.
  return ((args as unknown[])[1] = standInFor(unit));
}

/** What a handler sets on it is its own. All else is the original's, whose methods may need itself (`#private`). */
function standInFor(original: MessageContext): MessageContext {
  return new Proxy(Object.create(original) as MessageContext, {
    get: (own, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const value: unknown = Reflect.get(original, name);
      return isFunction(value) && name !== 'constructor' ? value.bind(original) : value;
    },
  });
}

/** The stream of a `@GrpcStreamCall()` handler; `undefined` for any other. */
export function grpcStreamOf([first]: readonly unknown[]): GrpcStream | undefined {
  if (!isObject(first) || !isFunction(first['write']) || !isMetadata(first['metadata'])) return undefined;
  return first as unknown as GrpcStream;
}

/** The metadata that a gRPC client sent; `undefined` for other transports. */
export function grpcMetadataOf(args: readonly unknown[]): GrpcMetadata | undefined {
  const metadata = grpcStreamOf(args)?.metadata ?? args[1];
  return isMetadata(metadata) ? metadata : undefined;
}

/** Each transport's own place. Transports without headers have a field of the payload. */
function authorizationOf(context: MessageContext, payload: unknown): unknown {
  const { metadata = context } = context;
  if (isMetadata(metadata)) return onlyOf(metadata.get(AUTHORIZATION));
  const { getHeaders, getMessage, getChannelRef, getTopic, getMetadata } = context;
  if (isFunction(getHeaders)) return ofNats(getHeaders.call(context));
  if (isFunction(getMessage) && isFunction(getChannelRef)) return ofRabbit(getMessage.call(context));
  if (isFunction(getMessage) && isFunction(getTopic)) return ofKafka(getMessage.call(context));
  // Nest knows metadata of TCP and Redis since 12.1.
  const sent: unknown = isFunction(getMetadata) ? getMetadata.call(context) : undefined;
  return fieldOf(sent) ?? fieldOf(payload);
}

/** `MsgHdrs`, whose names are as they were sent. */
function ofNats(headers: unknown): unknown {
  if (!isObject(headers) || !isFunction(headers['values'])) return undefined;
  return onlyOf(headers['values'](AUTHORIZATION));
}

function ofRabbit(message: unknown): unknown {
  const properties = isObject(message) ? message['properties'] : undefined;
  return isObject(properties) ? fieldOf(properties['headers']) : undefined;
}

function ofKafka(message: unknown): unknown {
  const value = isObject(message) ? fieldOf(message['headers']) : undefined;
  return Buffer.isBuffer(value) ? value.toString('latin1') : value;
}

function fieldOf(owner: unknown): unknown {
  if (!isObject(owner) || !Object.hasOwn(owner, AUTHORIZATION)) return undefined;
  return owner[AUTHORIZATION] ?? undefined;
}

/** Of two, nobody can tell which one is meant. */
function onlyOf(values: unknown): unknown {
  if (!Array.isArray(values) || values.length === 0) return undefined;
  return values.length === 1 ? (values[0] as unknown) : UNUSABLE;
}

function isMetadata(value: unknown): value is MessageContext & GrpcMetadata {
  return (
    isObject(value) && isFunction(value['getMap']) && isFunction(value['get']) && isFunction(value['set'])
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}

import type { GuardedCall } from '../http/guarded-call.js';
import { type HttpRequest, type HttpResponse, headerOf, type NodeRequest } from '../http/http.js';

/** What GraphQL servers hand to a resolver last: which field of which operation it resolves. A new object for each field. */
interface ResolveInfo {
  readonly fieldName?: string;
  readonly operation: { readonly operation: 'query' | 'mutation' | 'subscription' };
}

/** What the drivers of `@nestjs/graphql` put in the context of an operation, and apps may, too. */
interface OperationContext {
  readonly req?: unknown;
  readonly res?: unknown;
  /** Mercurius: Fastify's, with the request. */
  readonly reply?: unknown;
  /** Mercurius, of a WebSocket: the handshake. */
  readonly request?: unknown;
  /** graphql-ws: the handshake and the socket. */
  readonly extra?: unknown;
}

/** The field that is about to be resolved, and the request that it came with: Apollo's or Mercurius's. */
export function graphqlCallOf(args: readonly unknown[]): GuardedCall | undefined {
  const info = args.at(-1);
  // Resolvers of references have no arguments between.
  const context = args.at(-2);
  if (!isInfo(info) || !isObject(context)) return undefined;
  const { req, res, reply }: OperationContext = context;
  const request = isRequest(req)
    ? req
    : isObject(reply)
      ? (reply as { request?: unknown }).request
      : undefined;
  if (!isRequest(request)) return undefined;
  const { operation } = info.operation;
  return {
    request,
    response: [res, reply, (request as { res?: unknown }).res].find(isResponse),
    unit: fieldOf(args),
    // Some servers take mutations by GET, too.
    isUnsafe: operation !== 'query',
    // Mutations run one after the other: an act may have come between.
    sharesCheck: operation === 'query',
  };
}

/** What stands for each reference, of those that one field resolves. */
const references = new WeakMap<object, WeakMap<object, object>>();

/**
 * The unit of a call: what servers say of the field. All references of a federated query are one field, `_entities`, and
 * each is resolved by a handler of its own; what was sent as one may be a constant of a compiled query.
 */
export function fieldOf(args: readonly unknown[]): object {
  const [reference, info] = [args[0], args.at(-1)];
  if (!isInfo(info)) return args;
  if (info.fieldName !== '_entities' || !isObject(reference)) return info;
  const ofField = references.get(info) ?? new WeakMap<object, object>();
  references.set(info, ofField);
  const unit = ofField.get(reference) ?? {};
  ofField.set(reference, unit);
  return unit;
}

/** The handshake that the WebSocket of an operation began with, by which it is known; `undefined` for other operations. */
export function handshakeOf(args: readonly unknown[]): NodeRequest | undefined {
  const context = args.at(-2);
  if (!isObject(context)) return undefined;
  const { req, request, extra }: OperationContext = context;
  // graphql-ws has a context of its own, which Nest's driver puts in the place of the request.
  const ofServer = isObject(req) ? (req as OperationContext).extra : undefined;
  return [req, request, requestIn(extra), requestIn(ofServer)]
    .map(nodeOf)
    .find((node) => node && isHandshake(node));
}

function requestIn(extra: unknown): unknown {
  return isObject(extra) ? (extra as { readonly request?: unknown }).request : undefined;
}

function isInfo(value: unknown): value is ResolveInfo {
  if (!isObject(value)) return false;
  const { operation } = value as { readonly operation?: unknown };
  return isObject(operation) && 'operation' in operation;
}

/** A request that is over when it is answered: not the one that a WebSocket began with. */
function isRequest(value: unknown): value is HttpRequest {
  const node = nodeOf(value);
  return node !== undefined && !isHandshake(node);
}

/** Of a WebSocket. It has the cookie, and is a GET that any page may send. */
export function isHandshake({ headers }: NodeRequest): boolean {
  return /websocket/i.test(headerOf(headers, 'upgrade') ?? '');
}

function nodeOf(value: unknown): NodeRequest | undefined {
  const node = isObject(value) && 'raw' in value ? value.raw : value;
  return isObject(node) && 'headers' in node && isObject(node.headers) && 'method' in node
    ? (node as NodeRequest)
    : undefined;
}

function isResponse(value: unknown): value is HttpResponse {
  return isObject(value) && 'getHeader' in value && typeof value.getHeader === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

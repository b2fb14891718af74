import { IncomingMessage, type ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { wrong } from '../../basics/inputs.js';

/** What the library needs of Node's own request. @publicApi */
export type NodeRequest = Pick<IncomingMessage, 'headers' | 'method' | 'socket'> &
  Partial<Pick<IncomingMessage, 'rawHeaders'>>;
/** What the library needs of Node's own response. @publicApi */
export type NodeResponse = Pick<
  ServerResponse,
  'getHeader' | 'setHeader' | 'removeHeader' | 'headersSent' | 'statusCode' | 'end'
>;

/** What the library needs of Fastify's reply, which keeps headers of its own until it is sent. @publicApi */
export interface FastifyLikeReply {
  readonly raw: NodeResponse;
  getHeader(name: string): number | string | string[] | undefined;
  removeHeader(name: string): unknown;
  header(name: string, value: string | string[]): unknown;
  code(status: number): unknown;
  send(body: string): unknown;
}

/** A request as Nest hands it to a handler: Express's is Node's own, Fastify's wraps it. @publicApi */
export type HttpRequest = NodeRequest | { readonly raw: NodeRequest };

/** A response as Nest hands it to a handler, on Express or Fastify. @publicApi */
export type HttpResponse = NodeResponse | FastifyLikeReply;

export function nodeRequestOf(request: HttpRequest): NodeRequest {
  if (request instanceof IncomingMessage) return request; // Express's: the quickest of all questions to ask of one
  if (typeof request !== 'object' || request === null) throw wrong('request', 'a request', request);
  const isWrapped =
    'raw' in request && typeof request.raw === 'object' && request.raw && 'headers' in request.raw;
  return isWrapped ? request.raw : (request as NodeRequest);
}

/** A request header; one that came several times is one list, as RFC 9110 has it. */
export function headerOf(headers: NodeRequest['headers'], name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'object' ? value.join(', ') : value;
}

/** The address at the other end of the connection, as the operating system writes it. */
export function peerAddressOf(request: NodeRequest): string | undefined {
  return request.socket?.remoteAddress;
}

/** A host name of 253 characters, a dot and a port. What a URL's parser does with names is not linear in their length. */
const LONGEST_HOST = 260;

/** The origin that the request was sent to, as far as this process can see: a proxy that ends TLS hides it. */
export function requestedOriginOf(request: NodeRequest): string | undefined {
  return originOf(schemeOf(request), hostOf(request));
}

export function schemeOf(request: NodeRequest): 'http' | 'https' {
  return (request.socket as Partial<TLSSocket> | undefined)?.encrypted === true ? 'https' : 'http';
}

export function hostOf(request: NodeRequest): string | undefined {
  return headerOf(request.headers, 'host') ?? headerOf(request.headers, ':authority');
}

export function originOf(scheme: string, host: string | undefined): string | undefined {
  if (!host || host.length > LONGEST_HOST || !URL.canParse(`${scheme}://${host}`)) return undefined;
  return new URL(`${scheme}://${host}`).origin;
}

export function setHeader(response: HttpResponse, name: string, value: string): void {
  if (isReply(response)) response.header(name, value);
  else response.setHeader(name, value);
}

export function isHeadSent(response: HttpResponse): boolean {
  return (isReply(response) ? response.raw : response).headersSent;
}

/** Adds a `Set-Cookie` header. An earlier one of this response for the same cookie gives way. */
export function setCookieHeader(response: HttpResponse, cookieName: string, cookie: string): void {
  const present = response.getHeader('set-cookie');
  const lines = present === undefined ? [] : Array.isArray(present) ? present : [String(present)];
  const kept = lines.filter((line) => !line.startsWith(`${cookieName}=`));
  if (isReply(response)) {
    response.removeHeader('set-cookie'); // Fastify would append to what is there
    response.header('set-cookie', [...kept, cookie]);
  } else {
    response.setHeader('Set-Cookie', [...kept, cookie]);
  }
}

/** Ends the response with a JSON body; if its head has gone already, it only ends. */
export function sendJson(
  response: HttpResponse,
  status: number,
  content: { readonly headers: Readonly<Record<string, string>>; readonly body: unknown },
): void {
  if (isHeadSent(response)) {
    (isReply(response) ? response.raw : response).end();
    return;
  }
  for (const [name, value] of Object.entries(content.headers)) setHeader(response, name, value);
  const body = JSON.stringify(content.body);
  if (isReply(response)) {
    response.code(status);
    response.send(body);
  } else {
    response.statusCode = status;
    response.end(body);
  }
}

/** What a stream is written to. */
export type RawResponse = ServerResponse;

/** A response that can be turned into a stream, on Express or Fastify. @publicApi */
export type StreamableResponse =
  ServerResponse | { readonly raw: ServerResponse; hijack(): unknown; getHeaders(): object };

export function rawResponseOf(response: StreamableResponse): RawResponse {
  return 'hijack' in response ? response.raw : response;
}

/** Whether nothing reaches the client any more: it has gone, or all is said. */
export function isGone({ destroyed, writableEnded, req }: RawResponse): boolean {
  return destroyed || writableEnded || req.socket.destroyed;
}

/** Calls back when the client has gone, or all is said. */
export function onceGone(response: RawResponse, callback: () => void): void {
  response.once('close', callback);
  // Node tells nothing to a response that waits behind another of its connection.
  if (!response.socket) response.req.socket.once('close', callback);
}

/** For how long a client may take what it was sent before the end. */
const CLOSE_PATIENCE_MS = 1_000;

/** Closes a response that is about to end, if its client has not taken the rest by then. */
export function endWithin(response: RawResponse): void {
  const impatience = setTimeout(() => response.destroy(), CLOSE_PATIENCE_MS).unref();
  response.once('close', () => clearTimeout(impatience));
}

/** Sends the head of a stream of Server-Sent Events, with the headers that were set before. */
export function beginStream(response: StreamableResponse): void {
  const isFastify = 'hijack' in response;
  const raw = rawResponseOf(response);
  // Fastify's names are in lower case, and what is written twice is sent twice.
  const headers: Record<string, string> = isFastify ? { ...response.getHeaders() } : {};
  if (isFastify) response.hijack();
  raw.writeHead(200, {
    // Proxies of nginx's kind would hold events back.
    ...(raw.hasHeader('x-accel-buffering') ? {} : { 'x-accel-buffering': 'no' }),
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    // What compresses on the way, as `compression` does, would wait for more.
    'cache-control': 'no-store, no-transform',
  });
  raw.flushHeaders();
  raw.socket?.setNoDelay(true);
}

function isReply(response: HttpResponse): response is FastifyLikeReply {
  return 'raw' in response && 'code' in response;
}

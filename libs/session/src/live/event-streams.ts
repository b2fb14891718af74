import { Injectable } from '@nestjs/common';
import { requestAccessOf } from '../guard/calls/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import { wrong } from '../basics/inputs.js';
import {
  beginStream,
  type HttpRequest,
  isGone,
  nodeRequestOf,
  rawResponseOf,
  type StreamableResponse,
} from '../contexts/http/http.js';
import { EventStream } from './event-stream.js';
import { LiveConnections } from './live-connections.js';

/**
 * Server-Sent Events that end with their session, on Express and Fastify: for a guarded `@Get()` handler that takes the
 * response with `@Res()` and returns nothing.
 * @example
 * Called by a `@Get()` handler with its `@Req()` and `@Res()`:
 * ```ts
 * async function ticks(request: HttpRequest, response: StreamableResponse) {
 *   const stream = await streams.open(request, response);
 *   const timer = setInterval(() => stream.send('tick', { at: Date.now() }), 1_000);
 *   stream.onEnd(() => clearInterval(timer));
 * }
 * ```
 * @publicApi
 */
@Injectable()
export class EventStreams {
  /** @internal */
  constructor(
    private readonly connections: LiveConnections,
    private readonly transport: SessionTransport,
  ) {}

  /**
   * Opens a stream, which demands for as long as it lasts what the handler demands. Just before the server ends it
   * because of its session it sends `session-ended` with `{ code }`. Where there is nobody to stream to, it has ended
   * already: the client has gone meanwhile, or asked with `HEAD` and has got the headers.
   * @throws SessionError as `LiveConnections.register` does: the response is still untouched
   * @throws Error when the response has been answered already
   */
  async open(request: HttpRequest, response: StreamableResponse): Promise<EventStream> {
    if (typeof Object(response).setHeader !== 'function' && !('hijack' in Object(response)))
      throw wrong('response', 'a response as Nest hands it out', response);
    const raw = rawResponseOf(response);
    if (raw.headersSent || raw.writableEnded)
      throw new Error(
        'EventStreams.open() needs a response that has not been answered: let nothing else write to it',
      );
    const access = requestAccessOf(request, this.transport);
    const candidate = {
      token: this.transport.readToken(request),
      clientIp: this.transport.clientIp(request),
      requirements: access?.requirements,
      isGone: () => isGone(raw),
    };
    const isHead = nodeRequestOf(request).method === 'HEAD';
    const connection = await (isHead
      ? this.connections.checkOnce(candidate)
      : this.connections.register(candidate));
    try {
      beginStream(response);
      if (isHead) raw.end();
      return new EventStream(connection, raw);
    } catch (error) {
      connection.closed();
      throw error;
    }
  }
}

import { Injectable } from '@nestjs/common';
import { requestAccessOf } from '../guard/request-access.js';
import { SessionTransport } from '../guard/session-transport.js';
import { wrong } from '../model/inputs.js';
import { beginStream, type HttpRequest, type StreamableResponse } from '../platform/http.js';
import { EventStream } from './event-stream.js';
import { LiveConnections } from './live-connections.js';

/**
 * Server-Sent Events that end with their session, on Express and Fastify: for a guarded `@Get()` handler that takes the
 * response with `@Res()` and returns nothing.
 * @publicApi
 */
@Injectable()
export class EventStreams {
  constructor(
    private readonly connections: LiveConnections,
    private readonly transport: SessionTransport,
  ) {}

  /**
   * Opens a stream, which demands for as long as it lasts what the handler demands. Just before the server ends it
   * because of its session it sends `session-ended` with `{ code }`.
   * @throws SessionError as `LiveConnections.register` does: the response is still untouched
   */
  async open(request: HttpRequest, response: StreamableResponse): Promise<EventStream> {
    if (typeof Object(response).setHeader !== 'function' && !('hijack' in Object(response)))
      throw wrong('response', 'a response as Nest hands it out', response);
    const access = requestAccessOf(request);
    const connection = await this.connections.register({
      token: this.transport.readToken(request),
      clientIp: this.transport.clientIp(request),
      ...(access ? { requirements: access.requirements } : {}),
    });
    return new EventStream(connection, beginStream(response));
  }
}

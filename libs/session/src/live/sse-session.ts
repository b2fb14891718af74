import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { endWithin, headerOf, isGone, onceGone, type RawResponse } from '../contexts/http/http.js';
import type { ConnectionEnd } from './connection-end.js';
import type { LiveConnection } from './live-connection.js';

/** What a message counts for whose data is no text. */
const OBJECT_BYTES = 1_024;

/** One reply of an `@Sse()` handler, which ends with its session. */
export class SseSession {
  private readonly clients = new Set<Subscriber<unknown>>();
  private end: ConnectionEnd | undefined;
  /** What the browser would ask to go on from. Nest numbers what has no ID, and would have it go on from our last event. */
  private lastId: MessageEvent['id'];

  constructor(
    private readonly connection: LiveConnection,
    private readonly response: RawResponse,
  ) {
    this.lastId = headerOf(response.req.headers, 'last-event-id');
    onceGone(response, () => connection.closed());
    connection.open((end) => this.finish(end));
    if (isGone(response)) connection.closed();
  }

  /** What the handler sends, each message only while it is certain that the user may see it. */
  follow(handle: () => Observable<unknown>): Observable<unknown> {
    return new Observable((client) => {
      if (this.connection.isEnded) return this.conclude(client);
      this.clients.add(client);
      const deliver = (send: () => void, bytes = 0): void =>
        this.connection.deliver({ deliver: send, bytes });
      const source = handle().subscribe({
        next: (message) => deliver(() => this.send(client, message), sizeOf(message)),
        error: (error: unknown) => deliver(() => client.error(error)),
        complete: () => deliver(() => client.complete()),
      });
      return () => {
        this.clients.delete(client);
        source.unsubscribe();
      };
    });
  }

  private send(client: Subscriber<unknown>, message: unknown): void {
    this.lastId = (message as Partial<MessageEvent> | null | undefined)?.id ?? this.lastId;
    client.next(message);
  }

  private finish(end: ConnectionEnd): void {
    this.end = end;
    for (const client of this.clients) this.conclude(client);
    // What was sent before waits for a client that does not read.
    endWithin(this.response);
  }

  private conclude(client: Subscriber<unknown>): void {
    const { end, lastId: id } = this;
    if (end && end.code !== 'going_away') {
      const data = { code: end.code };
      client.next({
        type: 'session-ended',
        data,
        ...(id === undefined ? {} : { id }),
      } satisfies MessageEvent);
    }
    client.complete();
  }
}

function sizeOf(message: unknown): number {
  const data: unknown = (message as Partial<MessageEvent> | null | undefined)?.data ?? message;
  return typeof data === 'string' ? data.length : OBJECT_BYTES;
}

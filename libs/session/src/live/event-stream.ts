import type { RawResponse } from '../platform/http.js';
import type { ConnectionEnd } from './connection-end.js';
import type { LiveConnection } from './live-connection.js';

/** A client that has not taken this many bytes is no reader. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

/** An open stream of Server-Sent Events. @publicApi */
export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;

  /** @internal */
  constructor(
    /** Whom it is for, and what ends it. */
    readonly connection: LiveConnection,
    private readonly response: RawResponse,
  ) {
    this.keepAlive = setInterval(() => this.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
    response.once('close', () => {
      clearInterval(this.keepAlive);
      connection.closed();
    });
    connection.open((end) => this.finish(end));
  }

  /** Whether nothing can be sent any more. */
  get isEnded(): boolean {
    return this.connection.isEnded || this.response.writableEnded || this.response.destroyed;
  }

  /**
   * Sends one event, as JSON. Does nothing once the stream is over; a client that does not keep up is dropped.
   * @param name one word, which the client listens for
   */
  send(name: string, data: unknown): void {
    if (!this.isEnded) this.write(`event: ${name}\ndata: ${JSON.stringify(data) ?? 'null'}\n\n`);
  }

  /** Calls back when the stream is over, whoever ended it. */
  onEnd(callback: () => void): void {
    if (this.response.destroyed) callback();
    else this.response.once('close', callback);
  }

  /** Ends the stream. */
  end(): void {
    this.connection.closed();
    this.response.end();
  }

  private finish({ code }: ConnectionEnd): void {
    if (code !== 'going_away') this.write(`event: session-ended\ndata: ${JSON.stringify({ code })}\n\n`);
    this.response.end();
  }

  private write(text: string): void {
    if (this.response.writableEnded || this.response.destroyed) return;
    this.response.write(text);
    if (this.response.writableLength > MAX_BUFFERED_BYTES) this.response.destroy();
  }
}

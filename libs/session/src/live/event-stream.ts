import { callable, fieldsOf, type Inputs, text, unusable, version } from '../basics/inputs.js';
import { endWithin, headerOf, isGone, onceGone, type RawResponse } from '../contexts/http/http.js';
import { callBack } from './call-back.js';
import type { ConnectionEnd } from './connection-end.js';
import type { LiveConnection } from './live-connection.js';

/** A client that has not taken this many bytes is no reader. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

/** What an event says of reconnecting. */
interface Resumption {
  readonly id?: string;
  readonly retryMs?: number;
}
const RESUMPTION: Inputs<Resumption> = { id: oneLine, retryMs: version };

/** An open stream of Server-Sent Events. @publicApi */
export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;
  private readonly callbacks: (() => void)[] = [];
  private isOver = false;

  /** @internal */
  constructor(
    /** Whom it is for, and what ends it. */
    readonly connection: LiveConnection,
    private readonly response: RawResponse,
  ) {
    this.keepAlive = setInterval(() => this.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
    response.on('error', () => undefined); // 'close' follows
    onceGone(response, () => this.conclude());
    connection.open((end) => this.finish(end));
    if (isGone(response)) this.conclude();
  }

  /** Whether nothing can be sent any more. */
  get isEnded(): boolean {
    return this.isOver || this.connection.isEnded || isGone(this.response);
  }

  /** The ID of the last event that the client has got, if it connects again and events have IDs; from outside, as any header. */
  get lastEventId(): string | undefined {
    return headerOf(this.response.req.headers, 'last-event-id');
  }

  /**
   * Sends one event, as JSON. Does nothing once the stream is over; a client that does not keep up is dropped. While it
   * is not certain that the user may still see it, the event waits (`LiveConnection.deliver`).
   * @param name one word, which the client listens for
   * @param resumption `id`: what `lastEventId` is after a lost connection. `retryMs`: how long a browser waits before it
   * connects again.
   * @throws SessionError `bad_request` for a name or an ID of more than one line
   * @example
   * ```ts
   * stream.send('post', post, { id: post.id, retryMs: 2_000 });
   * ```
   */
  send(name: string, data: unknown, resumption?: { readonly id?: string; readonly retryMs?: number }): void {
    if (this.isEnded) return;
    const more = resumption ? resumptionLines(resumption) : '';
    const lines = `event: ${oneLine(name, 'name')}\n${more}data: ${JSON.stringify(data) ?? 'null'}\n\n`;
    this.connection.deliver({ deliver: () => this.write(lines), bytes: lines.length });
  }

  /** Calls back when the stream is over, whoever ended it: at once when it is already. What it throws is logged. */
  onEnd(callback: () => void): void {
    callable(callback, 'callback');
    if (this.isOver) callBack(callback);
    else this.callbacks.push(callback);
  }

  /** Ends the stream. */
  end(): void {
    this.close();
  }

  private finish({ code }: ConnectionEnd): void {
    if (code !== 'going_away') this.write(`event: session-ended\ndata: ${JSON.stringify({ code })}\n\n`);
    this.close();
  }

  private close(): void {
    if (!isGone(this.response)) {
      endWithin(this.response);
      this.response.end();
    }
    this.conclude();
  }

  private conclude(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.keepAlive);
    this.connection.closed();
    for (const callback of this.callbacks.splice(0)) callBack(callback);
  }

  private write(text: string): void {
    if (isGone(this.response)) return;
    this.response.write(text);
    if (this.response.writableLength > MAX_BUFFERED_BYTES) this.response.destroy();
  }
}

function resumptionLines(resumption: Resumption): string {
  const { id, retryMs } = fieldsOf(resumption, 'resumption', RESUMPTION);
  return (id === undefined ? '' : `id: ${id}\n`) + (retryMs === undefined ? '' : `retry: ${retryMs}\n`);
}

/** Another line would be a field or an event of its own, of whoever had a say in it; browsers drop an ID with a NUL. */
function oneLine(value: unknown, name: string): string {
  const line = text(value, name);
  if (/[\r\n\0]/.test(line)) throw unusable(`${name} must be one line`);
  return line;
}

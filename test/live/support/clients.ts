import { get, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

interface Headers {
  readonly [name: string]: string;
}

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
}

/** Lets a test wait until what it waits for has come. */
class Arrivals {
  private waiters: Waiter[] = [];

  changed(): void {
    const met = this.waiters.filter(({ isMet }) => isMet());
    this.waiters = this.waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve();
  }

  until(isMet: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Waited in vain for ${what}`)), timeoutMs);
      this.waiters.push({ isMet, resolve: () => (clearTimeout(timer), resolve()) });
    });
  }
}

interface StreamEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: Record<string, unknown>;
  /** By performance.now(). */
  readonly at: number;
}

/** A client of Server-Sent Events, with JSON of one line as their data. */
export class StreamClient {
  readonly events: StreamEvent[] = [];
  endedAt: number | undefined;
  private readonly arrivals = new Arrivals();
  private rest = '';

  private constructor(
    readonly response: IncomingMessage,
    private readonly destroy: () => void,
  ) {
    response.setEncoding('utf8').on('data', (text: string) => this.read(text));
    response.on('error', () => undefined); // a server that dies is no news to a test that kills it
    response.on('close', () => {
      this.endedAt = performance.now();
      this.arrivals.changed();
    });
  }

  /** Connects; with a status that is not 200, there will be no events. */
  static open(url: string, headers: Headers, path = '/events'): Promise<StreamClient> {
    return new Promise((resolve, reject) => {
      const request = get(`${url}${path}`, { headers, agent: false }, (response) =>
        resolve(new StreamClient(response, () => request.destroy())),
      );
      request.on('error', reject);
    });
  }

  async event(name: string): Promise<StreamEvent> {
    const find = (): StreamEvent | undefined => this.events.find((event) => event.name === name);
    await this.arrivals.until(() => find() !== undefined || this.endedAt !== undefined, `the event ${name}`);
    const event = find();
    if (!event) throw new Error(`The stream ended (${this.response.statusCode}) without the event ${name}`);
    return event;
  }

  /** @returns when it ended, by performance.now() */
  async ended(timeoutMs?: number): Promise<number> {
    await this.arrivals.until(() => this.endedAt !== undefined, 'the end of the stream', timeoutMs);
    return this.endedAt as number;
  }

  close(): void {
    this.destroy();
  }

  private read(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n').map((line) => /^(\w+): (.*)$/.exec(line) ?? []);
      const field = (wanted: string) => lines.find(([, name]) => name === wanted)?.[2];
      const text = field('data');
      if (text === undefined) continue;
      const data = JSON.parse(text) as Record<string, unknown>;
      const [name = 'message', id, retry] = [field('event'), field('id'), field('retry')];
      this.events.push({ name, id, retry, data, at: performance.now() });
    }
    this.arrivals.changed();
  }
}

/** A handshake that was refused. */
interface Refusal {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** A client of a WebSocket. */
export class SocketClient {
  readonly messages: { readonly event: string; readonly data: Record<string, unknown> }[] = [];
  end: { readonly code: number; readonly reason: string; readonly at: number } | undefined;
  private readonly arrivals = new Arrivals();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as SocketClient['messages'][number]);
      this.arrivals.changed();
    });
    socket.on('close', (code, reason) => {
      this.end = { code, reason: reason.toString(), at: performance.now() };
      this.arrivals.changed();
    });
    socket.on('error', () => undefined);
  }

  /** Connects; throws when the handshake is refused. */
  static async open(url: string, headers: Headers, path = '/ws'): Promise<SocketClient> {
    const opened = await SocketClient.knock(url, headers, path);
    if (opened instanceof SocketClient) return opened;
    throw new Error(`The handshake was refused: ${opened.status} ${JSON.stringify(opened.body)}`);
  }

  static async refusal(url: string, headers: Headers, path = '/ws'): Promise<Refusal> {
    const opened = await SocketClient.knock(url, headers, path);
    if (opened instanceof SocketClient) throw new Error('The handshake was not refused');
    return opened;
  }

  send(event: string, data: unknown = {}): void {
    this.socket.send(JSON.stringify({ event, data }));
  }

  async message(event: string): Promise<Record<string, unknown>> {
    const find = () => this.messages.find((message) => message.event === event);
    await this.arrivals.until(() => find() !== undefined, `the message ${event}`);
    return find()?.data ?? {};
  }

  async ended(timeoutMs?: number) {
    await this.arrivals.until(() => this.end !== undefined, 'the end of the socket', timeoutMs);
    return this.end as NonNullable<SocketClient['end']>;
  }

  close(): void {
    this.socket.terminate();
  }

  private static knock(url: string, headers: Headers, path: string): Promise<SocketClient | Refusal> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, { headers });
    const client = new SocketClient(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(client));
      socket.once('error', reject);
      socket.once('unexpected-response', (_request, response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const { statusCode = 0, headers: replied } = response;
          resolve({ status: statusCode, headers: replied, body: JSON.parse(text) as Refusal['body'] });
        });
      });
    });
  }
}

export function bearer(token: string | undefined): Headers {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

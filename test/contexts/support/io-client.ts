import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';

type Options = Partial<ManagerOptions & SocketOptions>;

interface Received {
  readonly event: string;
  readonly args: readonly unknown[];
  /** By performance.now(). */
  readonly at: number;
}

/** What came of a handshake that was refused. */
export interface IoRefusal {
  readonly message: string;
  readonly data: unknown;
}

/** A client of socket.io, in one namespace. Each has a connection of its own unless it joins another one's. */
export class IoTestClient {
  readonly received: Received[] = [];
  /** Why socket.io says that it was disconnected, and when. */
  left: { readonly reason: string; readonly at: number } | undefined;

  private constructor(readonly socket: Socket) {
    socket.onAny((event: string, ...args: unknown[]) => {
      this.received.push({ event, args, at: performance.now() });
    });
    socket.on('disconnect', (reason) => {
      this.left = { reason, at: performance.now() };
    });
  }

  /** Connects; throws when it is refused. */
  static async open(url: string, options: Options = {}): Promise<IoTestClient> {
    const knocked = await IoTestClient.knock(url, options);
    if (knocked instanceof IoTestClient) return knocked;
    throw new Error(`The handshake was refused: ${JSON.stringify(knocked)}`);
  }

  static async refusal(url: string, options: Options = {}): Promise<IoRefusal> {
    const knocked = await IoTestClient.knock(url, options);
    if (!(knocked instanceof IoTestClient)) return knocked;
    knocked.close();
    throw new Error('The handshake was not refused');
  }

  /** Joins another namespace by the same connection. */
  async join(namespace: string, auth?: object): Promise<IoTestClient | IoRefusal> {
    return settled(this.socket.io.socket(namespace, { auth: (auth ?? {}) as Record<string, unknown> }));
  }

  events(name: string): readonly unknown[] {
    return this.received.filter(({ event }) => event === name).map(({ args }) => args[0]);
  }

  /** The first argument of the first event of this name, once it has come. */
  async event(name: string, timeoutMs = 5_000): Promise<unknown> {
    await until(() => this.events(name).length > 0, `the event ${name}`, timeoutMs);
    return this.events(name)[0];
  }

  async ended(timeoutMs = 5_000): Promise<{ readonly reason: string; readonly at: number }> {
    await until(() => this.left !== undefined, 'the end of the socket', timeoutMs);
    return this.left as NonNullable<IoTestClient['left']>;
  }

  /** What an acknowledgement gives; rejects when none comes. */
  async ask(event: string, ...args: unknown[]): Promise<unknown> {
    return this.socket.timeout(5_000).emitWithAck(event, ...args);
  }

  /** Sends a message, and gives the first event that comes after it. */
  async say(event: string, ...args: unknown[]): Promise<readonly [event: string, data: unknown]> {
    const before = this.received.length;
    this.socket.emit(event, ...args);
    await until(() => this.received.length > before, `an answer to ${event}`);
    const { event: name, args: got } = this.received[before] as Received;
    return [name, got[0]];
  }

  close(): void {
    this.socket.disconnect();
    this.socket.io.engine?.close();
  }

  private static knock(url: string, options: Options): Promise<IoTestClient | IoRefusal> {
    const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, ...options });
    return settled(socket);
  }

  static of(socket: Socket): IoTestClient {
    return new IoTestClient(socket);
  }
}

export async function until(isMet: () => boolean, what: string, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isMet()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function settled(socket: Socket): Promise<IoTestClient | IoRefusal> {
  const client = IoTestClient.of(socket);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(client));
    socket.once('connect_error', (error: Error & { data?: unknown }) => {
      socket.disconnect();
      resolve({ message: error.message, data: error.data });
    });
    if (!socket.active) socket.connect();
  });
}

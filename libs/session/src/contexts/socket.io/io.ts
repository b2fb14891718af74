import type { IncomingMessage, Server as HttpServer } from 'node:http';

// What the library needs of socket.io and engine.io. Some of it they call private; gate.spec.ts holds it against them.

/** A packet of socket.io's protocol, before it is encoded. */
export interface IoPacket {
  readonly type: number;
  readonly nsp?: string;
  readonly data?: unknown;
  readonly id?: number;
}

/** What a packet is sent as: a text, and what it has of binary attachments. */
export type EncodedPacket = readonly (string | Buffer)[];

export interface IoWriteOptions {
  readonly preEncoded?: boolean;
  readonly volatile?: boolean;
  readonly compress?: boolean;
}

/** The connection of a client, whatever its transport: engine.io's socket. */
export interface IoConnection {
  readonly readyState: string;
  readonly request: IncomingMessage | null | undefined;
  readonly transport: {
    /** With the transport `websocket`: a socket of the package `ws`. */
    readonly socket?: {
      readonly bufferedAmount: number;
      pause(): void;
      resume(): void;
      terminate(): void;
    };
  };
  close(discard?: boolean): unknown;
  on(event: 'packetCreate', listener: (packet: { readonly data?: string | Buffer }) => void): unknown;
  on(event: 'flush', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** What socket.io calls the method that every packet of one socket goes through. */
export const PACKET = '_packet';

/** A client with a socket for each namespace that it is in. */
export interface IoClient {
  readonly conn: IoConnection;
  readonly sockets: ReadonlyMap<string, unknown>;
  readonly encoder: { encode(packet: IoPacket): EncodedPacket };
  [PACKET](packet: IoPacket | EncodedPacket, options?: IoWriteOptions): void;
  /** What follows that, and what adapters broadcast by. */
  writeToEngine(packets: EncodedPacket | string, options?: IoWriteOptions): void;
}

/** The connection that a request belongs to; `undefined` for one that begins another. */
export function connectionOf(server: IoServer, request: IncomingMessage): IoConnection | undefined {
  const { sid } = (Reflect.get(request, '_query') ?? {}) as { sid?: string };
  const { clients } = server.engine;
  return sid !== undefined && Object.hasOwn(clients, sid) ? clients[sid] : undefined;
}

export interface IoNamespace {
  readonly name: string;
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
  on(event: 'connection', listener: (socket: IoSocket) => void): unknown;
}

/** A client in a namespace. */
export interface IoSocket {
  readonly nsp: { readonly name: string };
  readonly client: IoClient;
  readonly connected: boolean;
  readonly handshake: { readonly headers: IncomingMessage['headers']; readonly auth: unknown };
  emit(event: string, ...args: unknown[]): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  use(middleware: (event: readonly unknown[], next: (error?: Error) => void) => void): unknown;
  listenerCount(event: string): number;
  disconnect(): unknown;
}

export interface IoServer extends IoNamespace {
  readonly httpServer: HttpServer;
  readonly engine: {
    /** By `sid`. */
    readonly clients: Readonly<Record<string, IoConnection>>;
    on(event: 'connection', listener: (connection: IoConnection) => void): unknown;
    use(
      middleware: (request: IncomingMessage, response: unknown, next: (error?: Error) => void) => void,
    ): unknown;
  };
  of(name: string): IoNamespace;
  on(event: 'connection', listener: (socket: IoSocket) => void): unknown;
  on(event: 'new_namespace', listener: (namespace: IoNamespace) => void): unknown;
}

const CLOSE_PATIENCE_MS = 1_000;

export function isOpen(connection: IoConnection): boolean {
  return connection.readyState === 'open';
}

/** Ends a connection at once, whatever its client has not taken yet. */
export function cut(connection: IoConnection): void {
  const { socket } = connection.transport;
  if (socket) socket.terminate();
  else connection.close(true);
}

/**
 * Closes a connection once its client has taken the rest, and cuts it if that does not happen soon. With polling, clients
 * fetch the rest and go by themselves: engine.io's own orderly close would wait for one that has gone for half a minute.
 */
export function closeFirmly(connection: IoConnection): void {
  if (connection.transport.socket) connection.close();
  const timer = setTimeout(() => cut(connection), CLOSE_PATIENCE_MS).unref();
  connection.once('close', () => clearTimeout(timer));
}

/** Drops a client that has not taken so many bytes: what it is sent is kept in our memory until it does. */
export function dropWhenSlow(connection: IoConnection, maxBufferedBytes: number): void {
  let waiting = 0;
  connection.on('flush', () => (waiting = 0));
  connection.on('packetCreate', ({ data }) => {
    waiting += data?.length ?? 0;
    const taken = connection.transport.socket?.bufferedAmount ?? 0;
    if (waiting + taken > maxBufferedBytes) cut(connection);
  });
}

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** What the library needs of a socket of the package `ws`. @publicApi */
export interface WsSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | Buffer, ...rest: unknown[]): void;
  close(code: number, reason: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  ping(): void;
  on(event: 'message', listener: (data: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'ping' | 'pong' | 'close', listener: () => void): unknown;
}

/** What the library needs of a server of the package `ws`. @publicApi */
export interface WsServer {
  on(event: 'connection', listener: (socket: WsSocket, request: IncomingMessage) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  emit(event: 'connection', socket: WsSocket, request: IncomingMessage): unknown;
  handleUpgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    accept: (client: WsSocket) => void,
  ): void;
}

/** How `ws` is told whether to accept a handshake. */
export type HandshakeReply = (
  accepted: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;

const OPEN = 1;
const PING_INTERVAL_MS = 30_000;
const CLOSE_PATIENCE_MS = 1_000;

export function isOpen(socket: WsSocket): boolean {
  return socket.readyState === OPEN;
}

/** Drops a client that has not taken so many bytes: what it is sent is kept in our memory until it does. */
export function dropWhenSlow(socket: WsSocket, maxBufferedBytes: number): void {
  const send = socket.send.bind(socket);
  socket.send = (...args: Parameters<WsSocket['send']>) => {
    if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
    else send(...args);
  };
  // The package `ws` answers each ping by itself, also to a client that reads none of the answers.
  socket.on('ping', () => {
    if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
  });
}

/** How each socket sends at once, where something stands before that. */
const directly = new WeakMap<object, WsSocket['send']>();

/** What is sent on a socket goes through this: it sends now, later or never. */
export function sendThrough(
  socket: WsSocket,
  pass: (delivery: { deliver: () => void; discard: () => void; bytes: number }) => void,
): void {
  const send = socket.send.bind(socket);
  directly.set(socket, send);
  socket.send = (...args: Parameters<WsSocket['send']>) => {
    const callback = args.at(-1);
    pass({
      deliver: () => send(...args),
      discard: () => typeof callback === 'function' && callback(new Error('The connection has ended')),
      bytes: args[0].length,
    });
  };
}

/** Sends at once what holds nothing of anybody: why a message was refused. */
export function sendAtOnce(socket: { send?(data: string): void }, text: string): void {
  const send = directly.get(socket);
  if (send) send(text);
  else socket.send?.(text);
}

/** Drops a client that has gone without a word: it answers no ping. */
export function dropWhenGone(socket: WsSocket): void {
  let isThere = true;
  const pings = setInterval(() => {
    if (!isThere) socket.terminate();
    isThere = false;
    socket.ping();
  }, PING_INTERVAL_MS).unref();
  socket.on('pong', () => (isThere = true));
  socket.on('close', () => clearInterval(pings));
}

/** Closes a socket, and cuts it if the client does not answer. */
export function closeFirmly(socket: WsSocket, code: number, reason: string): void {
  socket.close(code, reason);
  setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS).unref();
}

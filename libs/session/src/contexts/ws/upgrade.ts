import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** For how long a client that was refused may take its reply, in milliseconds. */
const FAREWELL_MS = 500;
/** For how long somebody else may think about an upgrade, in milliseconds. */
const PATIENCE_MS = 30_000;

const REASONS = { 400: 'Bad Request', 404: 'Not Found', 500: 'Internal Server Error' } as const;

/** Printable ASCII without what no target holds: a fragment, quotes, brackets, a backslash. One pass, no way back. */
const TARGET = /^(?:[!$&-;=?-Z_a-z~@]|%[0-9A-Fa-f]{2})*$/;
const HOST = /^(?:[\w.~!$&'()*+,;=%-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{0,5})?$/;
const ABSOLUTE_FORM = /^(?:http|ws)s?:\/\/([^/?]*)/i;

/**
 * The path that an upgrade is for, as it was sent: nothing is decoded or resolved. `undefined` where the target or the
 * `Host` is none that a client of ours sends: not in origin or absolute form, malformed, several hosts or none.
 */
export function upgradePathOf({ url = '', headers, rawHeaders }: IncomingMessage): string | undefined {
  if (countOf(rawHeaders, 'host') !== 1 || !HOST.test(headers.host ?? '')) return undefined;
  const [origin = '', authority] = ABSOLUTE_FORM.exec(url) ?? [];
  if (authority !== undefined && !HOST.test(authority)) return undefined;
  const target = url.slice(origin.length);
  const end = target.indexOf('?');
  const path = end === -1 ? target : target.slice(0, end);
  if (origin !== '' && path === '') return '/';
  return path.startsWith('/') && !path.startsWith('//') && TARGET.test(target) ? path : undefined;
}

/** Whether a request asks for a WebSocket in the one way that there is (RFC 6455 §4.1). Any other upgrade is ignored. */
export function asksForWebSocket({
  method,
  headers,
  httpVersionMajor,
  httpVersionMinor,
}: IncomingMessage): boolean {
  const isModern = httpVersionMajor > 1 || (httpVersionMajor === 1 && httpVersionMinor >= 1);
  return method === 'GET' && isModern && headers.upgrade?.toLowerCase() === 'websocket';
}

/** From here on, a connection that breaks is no error of ours. Comes before anything is written to a socket. */
export function survive(socket: Socket): void {
  socket.on('error', () => socket.destroy());
}

/** Whether an earlier request of this connection has no whole reply yet. */
export function isAwaitingReply(socket: Socket): boolean {
  return Boolean(Reflect.get(socket, '_httpMessage')); // Node's own name for that reply
}

/** For an upgrade that is left to others, who may leave it to nobody. */
export function destroyUnlessAnswered(socket: Socket): void {
  const { bytesWritten } = socket;
  const timer = setTimeout(
    () => socket.bytesWritten === bytesWritten && socket.destroy(),
    PATIENCE_MS,
  ).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Answers an upgrade and closes the connection, whether or not the client listens. */
export function refuseUpgrade(socket: Socket, status: keyof typeof REASONS): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  // What the client still sends is taken: were it left unread, the reply could get lost with it.
  socket.resume();
  socket.end(`HTTP/1.1 ${status} ${REASONS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/**
 * Lets the server answer a request as if it had asked for no upgrade, which is how one is declined (RFC 9110 §7.8): the
 * connection goes back to Node's parser, with the request as it came but for those headers, and whatever followed it.
 * The reply is the connection's last.
 */
export function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { method = '', url = '', httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!OF_THE_UPGRADE.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1] as string}`);
  }
  lines.push('Connection: close', '', '');
  socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]));
  server.emit((socket as Partial<TLSSocket>).encrypted === true ? 'secureConnection' : 'connection', socket);
}

const OF_THE_UPGRADE: ReadonlySet<string> = new Set(['upgrade', 'connection', 'http2-settings']);

function countOf(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((header, i) => i % 2 === 0 && header.toLowerCase() === name).length;
}

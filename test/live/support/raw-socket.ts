import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A TCP connection that says what no HTTP client would. */
export class RawSocket {
  private text = '';
  /** Whether the server has said all that it has to say. */
  isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => (this.text += chunk));
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) socket.on(event, () => (this.isClosed = true));
  }

  static async open(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url);
    const raw = new RawSocket(connect({ host: hostname, port: Number(port), allowHalfOpen: true }));
    await once(raw.socket, 'connect');
    return raw;
  }

  /** Sends, and waits until the server has ended the connection. @returns all that came */
  static async ask(url: string, bytes: string, timeoutMs = 5_000): Promise<string> {
    const raw = await RawSocket.open(url);
    raw.write(bytes);
    const ended = once(raw.socket, 'end');
    const timer = setTimeout(() => raw.socket.destroy(new Error('The server did not end it')), timeoutMs);
    await Promise.race([ended, once(raw.socket, 'close')]);
    clearTimeout(timer);
    raw.socket.destroy();
    return raw.received;
  }

  get received(): string {
    return this.text;
  }

  write(bytes: string): void {
    if (!this.socket.destroyed) this.socket.write(bytes, 'latin1');
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

export interface UpgradeParts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly upgrade?: string;
  readonly host?: readonly string[];
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** The bytes of a handshake that is right unless a part says otherwise. */
export function upgradeBytes(parts: UpgradeParts = {}): string {
  const { method = 'GET', target = '/public', version = '1.1', upgrade = 'websocket', body = '' } = parts;
  const { host = ['localhost'], headers = [] } = parts;
  return [
    `${method} ${target} HTTP/${version}`,
    ...host.map((one) => `Host: ${one}`),
    'Connection: Upgrade',
    `Upgrade: ${upgrade}`,
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
    '',
    body,
  ].join('\r\n');
}

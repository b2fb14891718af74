import type { IncomingMessage } from 'node:http';
import { handshakeRequestOf } from '../contexts/socket.io/credentials.js';
import { cut, dropWhenSlow, type IoConnection } from '../contexts/socket.io/io.js';

/** How many namespaces a client may be joining at a time: each costs a check, and a few bytes ask for one. */
const MAX_JOINING = 16;
/** How many it may be in: where anybody may be, no session counts them. */
const MAX_JOINED = 64;
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** The connection of one client, whichever namespaces it is in. */
export class IoClientState {
  readonly handshake: IncomingMessage | undefined;
  /** Whether a namespace that it is in goes by the client's address. */
  private readonly bindings = new Set<() => boolean>();
  private readonly joining = new Set<string>();
  private readonly onGone = new Set<() => void>();

  constructor(private readonly connection: IoConnection) {
    this.handshake = handshakeRequestOf(connection);
    dropWhenSlow(connection, MAX_BUFFERED_BYTES);
    connection.once('close', () => {
      for (const callback of this.onGone) callback();
      this.onGone.clear();
    });
  }

  get isGone(): boolean {
    return this.connection.readyState !== 'open';
  }

  /** Calls back when the client has gone, once. @returns what makes it not do so */
  onceGone(callback: () => void): () => void {
    this.onGone.add(callback);
    return () => this.onGone.delete(callback);
  }

  /** Whether it is in as many namespaces as it may be, or about to be. */
  get isFull(): boolean {
    return this.bindings.size + this.joining.size > MAX_JOINED;
  }

  /** Whether requests of this connection may come from one address only. */
  get isBound(): boolean {
    return [...this.bindings].some((isBound) => isBound());
  }

  /** @returns what undoes it */
  bind(isBound: () => boolean): () => void {
    this.bindings.add(isBound);
    return () => this.bindings.delete(isBound);
  }

  /** @returns what tells that it has joined; `undefined` for a client that asks for too much, and is cut off */
  join(namespace: string): (() => void) | undefined {
    if (this.joining.has(namespace) || this.joining.size >= MAX_JOINING) {
      cut(this.connection);
      return undefined;
    }
    this.joining.add(namespace);
    return () => this.joining.delete(namespace);
  }
}

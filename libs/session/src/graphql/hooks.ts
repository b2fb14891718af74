import type { IncomingMessage } from 'node:http';
import type { WsSocket } from '../contexts/ws/ws.js';

/** What graphql-ws knows of a connection, as far as it is looked at. @publicApi */
export interface ServerContext {
  /** The payload of `connection_init`. */
  readonly connectionParams?: Readonly<Record<string, unknown>> | undefined;
  /** The handshake and the socket. */
  readonly extra: unknown;
}

/** `extra`, where `ws` carries graphql-ws. */
export interface WsExtra {
  readonly socket: WsSocket;
  readonly request: IncomingMessage;
}

/** The hooks of graphql-ws that are taken. @publicApi */
export interface SubscriptionHooks {
  /** `connection_init`: who it is. */
  readonly onConnect: (context: ServerContext) => Promise<boolean | Record<string, unknown> | undefined>;
  /** A `ping` of the client's, which may bring a new token. */
  readonly onPing: (context: ServerContext, payload: Record<string, unknown> | undefined) => Promise<void>;
}

/** An app's own hooks of these names, which are called after ours. */
export interface OwnHooks {
  readonly onConnect?: (context: ServerContext) => ReturnType<SubscriptionHooks['onConnect']>;
  readonly onPing?: SubscriptionHooks['onPing'];
}

/** Mercurius's connection, on which it calls its hooks. */
export interface MercuriusConnection {
  readonly socket: WsSocket;
  readonly context: { readonly request?: { readonly raw?: IncomingMessage } };
}

/** The hooks of Mercurius's option `subscription` that are taken. @publicApi */
export interface MercuriusHooks {
  /** `connection_init`: who it is. */
  readonly onConnect: (this: unknown, message: unknown) => Promise<boolean>;
  /** The handshake: from here on, the client has a while for its `connection_init`. */
  readonly verifyClient: (
    info: { readonly req: IncomingMessage },
    allow: (isAllowed: boolean) => void,
  ) => void;
}

/** Options of `GraphqlSubscriptions.mercurius()`. @publicApi */
export interface MercuriusOptions {
  /**
   * How long a client may take until it has sent `connection_init`, in milliseconds. After that its connection is closed.
   * @defaultValue 3000, as graphql-ws has it
   */
  readonly connectionInitWaitTimeout?: number;
}

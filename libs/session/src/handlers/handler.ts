import type { ServedAt } from './paths.js';

export type Paths = string | readonly string[];

/** What can stand between a client and a handler, as far as it is known at boot. */
export interface Reach {
  /**
   * What knows the transport, and so enforces what decorators demand: `SessionGuard` where it runs, `SessionWsAdapter` with
   * no guard at all. With `none`, `SessionGuard` refuses everything but what is public.
   */
  readonly checkedBy: 'guard' | 'adapter' | 'none';
  /** The app's global guards run before it. */
  readonly global: boolean;
  /** So do those of them that are made anew for each request. */
  readonly perRequest: boolean;
  /** So do the guards of its class, and its own. */
  readonly own: boolean;
}

/** One method that requests, messages or operations from outside end up in. */
export interface Handler extends ServedAt {
  readonly kind: 'http' | 'websocket' | 'graphql' | 'rpc';
  readonly method: string;
  /** The event that a WebSocket handler is for. */
  readonly message?: string;
  readonly host?: Paths;
  /** `Controller.method`; the gateway's name for a handshake that no method is for. */
  readonly name: string;
  readonly handler: Function;
  readonly class: Function;
  readonly reach: Reach;
}

import type { ContextKind, ContextRules } from './contexts.js';
import type { ServedAt } from './paths.js';

export type Paths = string | readonly string[];

/** What can stand between a client and a handler, as far as it is known at boot. */
export interface Reach {
  /** What enforces what decorators demand; `none` also where the app has another adapter than the context's. */
  readonly checkedBy: ContextRules['checkedBy'];
  /** The app's global guards run before it. */
  readonly global: boolean;
  /** So do those of them that are made anew for each request. */
  readonly perRequest: boolean;
  /** So do the guards of its class, and its own. */
  readonly own: boolean;
}

/** One method that requests, messages or operations from outside end up in. */
export interface Handler extends ServedAt {
  readonly kind: ContextKind;
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

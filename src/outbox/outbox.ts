/** A message with a one-time token for somebody. */
export interface Message {
  /** Whom it is for. */
  readonly to: string;
  /** What the token is for. */
  readonly purpose: string;
  /** A credential: it belongs in no log. */
  readonly token: string;
}

/**
 * Takes messages for delivery. A class, so that it serves as its own injection key.
 *
 * `send` returns at once and reports its own failures: how long a delivery takes, and whether it worked, must not show in
 * a reply, or the reply would tell who has an account.
 */
export abstract class Outbox {
  abstract send(message: Message): void;
}

import { type ConnectionEnd, connectionEnd } from '../live/connection-end.js';
import type { LiveConnection } from '../live/live-connection.js';
import { SessionError } from '../model/session-error.js';
import type { OpenSubscription } from './ending-iterator.js';
import { endCodeOf } from './close-codes.js';

/** Of one connection. Those with requirements of their own also count as connections of their session. */
const MOST = 64;

type Register = (token: string | undefined) => Promise<LiveConnection>;

/** The subscriptions of one connection. */
export class OpenSubscriptions {
  private count = 0;
  /** Those with requirements of their own. */
  private readonly own = new Set<LiveConnection>();
  /** Ends one, for each that has begun. */
  private readonly ends = new Set<(end: ConnectionEnd) => void>();
  private isClosed = false;

  constructor(private token: string | undefined) {}

  /**
   * @param register of one with requirements of its own; another ends with its connection
   * @throws SessionError `too_many_connections`
   */
  async begin(register?: Register): Promise<OpenSubscription> {
    if (this.count >= MOST) throw new SessionError('too_many_connections');
    this.count++;
    let subscription: LiveConnection | undefined;
    let stop: ((end: ConnectionEnd) => void) | undefined;
    let isOver = false;
    const release = (): void => {
      if (isOver) return;
      isOver = true;
      this.count--;
      if (stop) this.ends.delete(stop);
      if (subscription) this.own.delete(subscription);
    };
    const closed = (): void => {
      release();
      subscription?.closed();
    };
    const begun = (end: (end: ConnectionEnd) => void): void => {
      stop = end;
      if (this.isClosed) end(connectionEnd('going_away'));
      else if (!isOver) this.ends.add(end);
    };
    if (!register) return { open: begun, deliver: ({ deliver }) => deliver(), closed };
    try {
      const registered = (subscription = await this.registered(register));
      if (this.isClosed) closed();
      const open = (close: (end: ConnectionEnd) => void): unknown => {
        begun(close);
        return registered.open((end) => {
          release();
          close(end);
        });
      };
      return { open, deliver: (value) => registered.deliver(value), closed };
    } catch (error) {
      closed();
      throw error;
    }
  }

  async renew(token: string): Promise<void> {
    this.token = token;
    // Requirements of its own may no longer be met: that ends one, and nothing else.
    for (const subscription of this.own)
      if (!subscription.isEnded)
        await subscription.renew(token).catch((error: unknown) => subscription.end(endCodeOf(error)));
  }

  /** A token that was renewed meanwhile did not find it there yet: it is registered with the new one. */
  private async registered(register: Register): Promise<LiveConnection> {
    for (;;) {
      const { token } = this;
      let registered: LiveConnection | undefined;
      try {
        registered = await register(token);
        this.own.add(registered);
        if (this.token !== token && this.token !== undefined) await registered.renew(this.token);
        return registered;
      } catch (error) {
        if (registered) this.own.delete(registered);
        registered?.closed();
        if (this.isClosed || this.token === token) throw error;
      }
    }
  }

  /** The connection is gone. */
  closed(): void {
    this.isClosed = true;
    for (const subscription of this.own) subscription.closed();
    // Servers of GraphQL lose sight of some, such as the first of two with one ID: nobody else would end those.
    for (const end of this.ends) end(connectionEnd('going_away'));
    this.ends.clear();
  }
}

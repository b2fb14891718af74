import { SessionError } from '../model/session-error.js';
import type { ConnectionEnd } from '../live/connection-end.js';
import type { LiveConnection } from '../live/live-connection.js';

/** What a subscription's value counts for while it is held back. */
const VALUE_BYTES = 1_024;

/** What a subscription is part of while it is open. */
export interface OpenSubscription extends Pick<LiveConnection, 'deliver' | 'closed'> {
  /** @param close called when it has to end */
  open(close: (end: ConnectionEnd) => void): unknown;
}

/** The values of a subscription, each only while it is certain that its user may see it, and an error at their end. */
export class EndingIterator<T> implements AsyncGenerator<T, undefined> {
  private readonly source: AsyncIterator<T>;
  private ending: SessionError | 'quietly' | undefined;
  private concludeWaiting: (() => void) | undefined;

  constructor(
    source: AsyncIterable<T>,
    private readonly connection: OpenSubscription,
  ) {
    this.source = source[Symbol.asyncIterator]();
    connection.open((end) => this.end(end));
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.ending) return this.conclusion();
    return new Promise((resolve, reject) => {
      let isWaiting = true;
      const once = (settle: () => void): void => {
        if (isWaiting) settle();
        isWaiting = false;
      };
      const conclude = (): void => once(() => resolve(this.conclusion()));
      this.concludeWaiting = conclude;
      this.nextOfSource().then(
        (result) => {
          if (result.done !== true) {
            this.deliver(() => once(() => resolve(result)), conclude);
            return;
          }
          this.connection.closed();
          once(() => resolve({ done: true, value: undefined }));
        },
        (error: unknown) => {
          this.connection.closed();
          once(() => reject(error));
        },
      );
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.ending = 'quietly';
    this.connection.closed();
    await this.stopSource();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** A source of an app's own may throw at once. */
  private async nextOfSource(): Promise<IteratorResult<T, unknown>> {
    return this.source.next();
  }

  /** Never rejects: servers of GraphQL do not wait for it, and nobody would hear of it. */
  private async stopSource(): Promise<void> {
    try {
      await this.source.return?.();
    } catch {
      // It has ended.
    }
  }

  private deliver(deliver: () => void, conclude: () => void): void {
    // What is held back when it ends is discarded before anybody is told why.
    const discard = (): void => {
      if (this.ending) conclude();
    };
    this.connection.deliver({ deliver, discard, bytes: VALUE_BYTES });
  }

  private end({ code }: ConnectionEnd): void {
    this.ending = code === 'going_away' ? 'quietly' : new SessionError(code);
    // An async generator that waits for something of its own ends only then: nobody waits for it.
    void this.stopSource();
    this.concludeWaiting?.();
  }

  private conclusion(): Promise<IteratorResult<T, undefined>> {
    const { ending } = this;
    this.ending = 'quietly';
    return ending instanceof SessionError
      ? Promise.reject(ending)
      : Promise.resolve({ done: true, value: undefined });
  }
}

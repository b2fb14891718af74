import type { RedisClient } from './boot-check.js';

/** So many calls wait for a connection; more are refused at once. */
export const MOST_WAITING = 1_000;

/** Knows since when a client has no connection, and says when it has one again. */
export class ConnectionLoss {
  private since = performance.now();
  private wasReady: boolean;

  /** @param patienceMs a connection that has been gone for longer is not waited for */
  constructor(
    private readonly client: RedisClient,
    private readonly patienceMs: number,
    private readonly onBack: () => void,
  ) {
    this.wasReady = client.status === 'ready';
    client.on('ready', this.onReady).on('close', this.onClose);
  }

  /** Whether it is worth while to wait for the connection. */
  get isFresh(): boolean {
    const { status } = this.client;
    if (status === 'end') return false;
    return status === 'ready' || performance.now() - this.since < this.patienceMs;
  }

  close(): void {
    this.client.off('ready', this.onReady).off('close', this.onClose);
  }

  private readonly onReady = (): void => {
    this.wasReady = true;
    this.onBack();
  };

  private readonly onClose = (): void => {
    // A connection that never came about does not begin the wait anew.
    if (this.wasReady) this.since = performance.now();
    this.wasReady = false;
  };
}

import type { RedisClient } from './boot-check.js';
import { ConnectionLoss, MOST_WAITING } from './connection-loss.js';

/** Lets calls wait for a client that has lost its connection, if it may be back before their deadline. */
export class Readiness {
  private readonly waiting = new Set<() => void>();
  private readonly loss: ConnectionLoss;

  constructor(
    private readonly client: RedisClient,
    private readonly patienceMs: number,
  ) {
    this.loss = new ConnectionLoss(client, patienceMs, () => {
      const waiting = [...this.waiting];
      this.waiting.clear();
      for (const proceed of waiting) proceed();
    });
  }

  /** `undefined`: there is a connection. Rejects when none comes in time. */
  wait(): Promise<void> | undefined {
    if (this.client.status === 'ready') return undefined;
    if (!this.loss.isFresh || this.waiting.size >= MOST_WAITING) {
      return Promise.reject(new Error('There is no connection to Redis'));
    }
    return new Promise((resolve, reject) => {
      const proceed = (): void => (clearTimeout(timer), resolve());
      const timer = setTimeout(() => {
        this.waiting.delete(proceed);
        reject(new Error(`There was no connection to Redis for ${this.patienceMs} ms`));
      }, this.patienceMs);
      this.waiting.add(proceed);
    });
  }

  close(): void {
    this.loss.close();
  }
}

import type { Redis } from 'ioredis';
import type { RedisClient } from '../servers/boot-check.js';

/** What keeps calls from being written although there is a connection. */
export interface Gate {
  readonly isOpen: boolean;
}

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

/** The method of ioredis that makes a timer and a listener for each call that finds nothing in flight. */
const TIMER_MAKER = 'setSocketTimeout';

/**
 * Gives up a connection that owes an answer for longer than its client's `socketTimeout`, in the place of ioredis, whose
 * timers and listeners are a tenth of the CPU of a lone check: they are left to the handshake. Here nothing runs before a
 * call has had no answer in time. For clients of the library's own: another's commands would not be watched.
 */
export class SilenceWatch {
  private stop: (() => void) | undefined;

  /** @param termMs how long a call has waited when it is missed */
  constructor(
    private readonly client: Redis,
    private readonly termMs: number,
  ) {
    client.on('ready', this.onReady).on('close', this.onClose);
  }

  /** Call it when a call has had no answer in time. */
  onMissed(): void {
    const { stream, status, options } = this.client;
    if (this.stop || options.socketTimeout === undefined || status !== 'ready' || !this.owesAnswers) return;
    const giveUp = (): void => {
      if (this.stop === stop && this.owesAnswers)
        stream.destroy(new Error('Redis has owed an answer for too long'));
      stop();
    };
    // Once more after what has arrived is read.
    const timer = setTimeout(() => setImmediate(giveUp), Math.max(0, options.socketTimeout - this.termMs));
    const stop = (this.stop = (): void => {
      clearTimeout(timer);
      stream.off('data', stop);
      this.stop = undefined;
    });
    stream.once('data', stop);
    timer.unref();
  }

  /** Calls that wait before they are written, as for a new server, are not the connection's debt. */
  private get owesAnswers(): boolean {
    return (Reflect.get(this.client, 'commandQueue') as { readonly length: number }).length > 0;
  }

  close(): void {
    this.onClose();
    this.client.off('ready', this.onReady).off('close', this.onClose);
  }

  private readonly onReady = (): void => {
    Reflect.set(this.client, TIMER_MAKER, ignore);
  };

  private readonly onClose = (): void => {
    this.stop?.();
    Reflect.deleteProperty(this.client, TIMER_MAKER);
  };
}

function ignore(): void {}

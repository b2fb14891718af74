import type { Redis } from 'ioredis';
import { ConnectionLoss, MOST_WAITING } from './connection-loss.js';
import { BatchWriter, type ScriptCall } from './script-call.js';

export type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject' | 'isSettled'>;

interface CallBatcherOptions<T> {
  /** Whether no call waits for its answer. */
  readonly isIdle: () => boolean;
  /** Takes what finds no connection. */
  readonly onUnwritable: (call: T) => void;
}

/** So many calls do not wait for the end of the turn: Redis may as well begin with them. */
const FULL_BATCH = 16;
/** After so many turns with one call each, and nothing in flight, the next call is taken to be alone as well. */
const LONE_TURNS = 8;

/**
 * What a turn of the event loop asks of a client goes out in few writes, at the end of the turn: writing is the dearest
 * part of a call. Where calls come one at a time there is nothing to wait for, and each is written at once. Calls written
 * at once whenever nothing is in flight would cost a tenth at four connections: their requests arrive together.
 */
export class CallBatcher<T extends OutgoingCall = OutgoingCall> {
  private calls: T[] = [];
  private loneTurns = 0;
  private wasIdle = false;
  private readonly isTraced: boolean;

  constructor(
    readonly client: Redis,
    private readonly options: CallBatcherOptions<T>,
  ) {
    // So do OpenTelemetry's and Sentry's instrumentations mark what they wrap. They take the request from the async
    // context of the call: none may wait for others.
    this.isTraced = '__original' in (Reflect.get(client, 'sendCommand') as object);
  }

  add(call: T): void {
    if (this.isTraced) return this.isWritable ? this.send(call) : this.options.onUnwritable(call);
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    if (waiting !== 1) return;
    this.wasIdle = this.options.isIdle();
    if (this.wasIdle && this.loneTurns >= LONE_TURNS) this.flush();
    else setImmediate(this.endTurn);
  }

  /** At once, in one write. */
  addAll(calls: readonly T[]): void {
    this.calls.push(...calls);
    this.flush();
  }

  /** Also false when the connection has begun to end and nobody said so yet. */
  private get isWritable(): boolean {
    return this.client.status === 'ready' && this.client.stream?.writable;
  }

  private readonly endTurn = (): void => {
    this.loneTurns = this.wasIdle && this.calls.length === 1 ? this.loneTurns + 1 : 0;
    this.flush();
  };

  private flush(): void {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    if (!this.isWritable) {
      for (const call of calls) this.options.onUnwritable(call);
      return;
    }
    const writer = new BatchWriter(this.client);
    for (const call of calls) this.send(call, writer);
    writer.end();
  }

  private send(call: T, writer?: BatchWriter): void {
    try {
      this.client.sendCommand(call as never, writer as never);
    } catch (error) {
      call.reject(error as Error); // nobody else is there to hear of it
    }
  }
}

/** The calls of one server: those that find no connection wait for the next one, if that may come before their deadline. */
export class ServerCalls {
  private held: OutgoingCall[] = [];
  private readonly batcher: CallBatcher;
  private readonly loss: ConnectionLoss;

  /** @param patienceMs a connection that has been gone for longer is not waited for */
  constructor(client: Redis, patienceMs: number, isIdle: () => boolean) {
    this.batcher = new CallBatcher(client, { isIdle, onUnwritable: (call) => this.hold(call) });
    this.loss = new ConnectionLoss(client, patienceMs, () => {
      // None is written after its deadline.
      this.batcher.addAll(this.held.splice(0).filter(({ isSettled }) => !isSettled));
    });
  }

  add(call: OutgoingCall): void {
    this.batcher.add(call);
  }

  close(): void {
    this.loss.close();
    for (const call of this.held.splice(0)) call.reject(new Error('The connection is closed'));
  }

  private hold(call: OutgoingCall): void {
    if (this.loss.isFresh && this.held.length < MOST_WAITING) this.held.push(call);
    else call.reject(new Error('There is no connection to Redis'));
  }
}

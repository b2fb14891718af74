import type { Redis } from 'ioredis';
import { ConnectionLoss, type Gate, MOST_WAITING } from './connection-loss.js';
import { BatchWriter, type ScriptCall } from './script-call.js';

export type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject' | 'rejectForGood' | 'isSettled'>;

interface CallBatcherOptions<T> {
  /** Calls are written only while it is open. */
  readonly gate: Gate;
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

  /** Takes away what is not yet written. */
  takeBack(): T[] {
    return this.calls.splice(0);
  }

  /** Also false when the connection has begun to end and nobody said so yet. */
  private get isWritable(): boolean {
    return this.options.gate.isOpen && this.client.status === 'ready' && this.client.stream?.writable;
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

/** Whatever takes calls to Redis. */
export interface Calls {
  add(call: ScriptCall): void;
  /** Sends what waits, if it can be sent. */
  proceed(): void;
  /** Refuses what is not yet written, for good. */
  refuse(reason: string): void;
  close(): void;
}

/** How calls wait for a connection. */
export interface Waiting {
  /** A connection that has been gone for longer, in milliseconds, is not waited for. */
  readonly patienceMs: number;
  readonly gate: Gate;
}

/** The calls of one server: those that find no connection wait for the next one, if that may come before their deadline. */
export class ServerCalls {
  private held: OutgoingCall[] = [];
  private readonly batcher: CallBatcher;
  private readonly loss: ConnectionLoss;

  constructor(client: Redis, { patienceMs, gate }: Waiting, isIdle: () => boolean) {
    this.batcher = new CallBatcher(client, { gate, isIdle, onUnwritable: (call) => this.hold(call) });
    this.loss = new ConnectionLoss(client, patienceMs, () => this.proceed());
  }

  add(call: OutgoingCall): void {
    this.batcher.add(call);
  }

  proceed(): void {
    // None is written after its deadline.
    this.batcher.addAll(this.held.splice(0).filter(({ isSettled }) => !isSettled));
  }

  refuse(reason: string): void {
    for (const call of [...this.held.splice(0), ...this.batcher.takeBack()])
      call.rejectForGood(new Error(reason));
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

import type { Redis } from 'ioredis';
import { ConnectionLoss, type Gate, MOST_WAITING } from './readiness.js';
import { BatchWriter, type ScriptCall } from './script-call.js';

type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject' | 'rejectForGood' | 'isSettled'>;

/** So many calls do not wait for the end of the turn: Redis may as well begin with them. */
const FULL_BATCH = 16;

/**
 * What a turn of the event loop asks of a client goes out in few writes, at the end of the turn: writing is the dearest
 * part of a call.
 *
 * Calls that find no connection wait for the next one, if that may come before their deadline: each is written once, and
 * none after its deadline.
 */
export class CallBatcher {
  private calls: OutgoingCall[] = [];
  private held: OutgoingCall[] = [];
  private readonly isTraced: boolean;
  private readonly loss: ConnectionLoss;

  /** @param patienceMs a connection that has been gone for longer is not waited for. @param gate calls wait for it, too */
  constructor(
    private readonly client: Redis,
    patienceMs: number,
    private readonly gate: Gate = { isOpen: true },
  ) {
    // So do OpenTelemetry's and Sentry's instrumentations mark what they wrap. They take the request from the async
    // context of the call: none may wait for others.
    this.isTraced = '__original' in (Reflect.get(client, 'sendCommand') as object);
    this.loss = new ConnectionLoss(client, patienceMs, () => this.sendHeld());
  }

  add(call: OutgoingCall): void {
    if (this.isTraced) return this.isWritable ? this.send(call) : this.hold(call);
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    else if (waiting === 1) setImmediate(this.flush);
  }

  close(): void {
    this.loss.close();
    for (const call of this.held.splice(0)) call.reject(new Error('The connection is closed'));
  }

  /** Sends what waits, if it can be sent. */
  sendHeld(): void {
    this.calls.push(...this.held.splice(0).filter(({ isSettled }) => !isSettled));
    this.flush();
  }

  /** Refuses what is not yet written, for good. */
  refuse(reason: string): void {
    for (const call of [...this.held.splice(0), ...this.calls.splice(0)])
      call.rejectForGood(new Error(reason));
  }

  /** Also false when the connection has begun to end and nobody said so yet. */
  private get isWritable(): boolean {
    return this.gate.isOpen && this.client.status === 'ready' && this.client.stream?.writable;
  }

  private readonly flush = (): void => {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    if (!this.isWritable) {
      for (const call of calls) this.hold(call);
      return;
    }
    const writer = new BatchWriter(this.client);
    for (const call of calls) this.send(call, writer);
    writer.end();
  };

  private hold(call: OutgoingCall): void {
    if (this.loss.isFresh && this.held.length < MOST_WAITING) this.held.push(call);
    else call.reject(new Error('There is no connection to Redis'));
  }

  private send(call: OutgoingCall, writer?: BatchWriter): void {
    try {
      this.client.sendCommand(call as never, writer as never);
    } catch (error) {
      call.reject(error as Error); // nobody else is there to hear of it
    }
  }
}

/** Whether calls may be written without ioredis's own commands: it sends those of a Cluster by their keys. */
export function isPlainClient(client: object): client is Redis {
  return !('nodes' in client) && !(client as Redis).options.keyPrefix;
}

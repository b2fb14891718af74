import type { Redis } from 'ioredis';
import { ConnectionLoss, MOST_WAITING } from './connection-loss.js';
import { BatchWriter, type ScriptCall } from './script-call.js';

type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject' | 'isSettled'>;

/** So many calls do not wait for the end of the turn: Redis may as well begin with them. */
const FULL_BATCH = 16;
/** After so many turns with one call each, and nothing in flight, the next call is taken to be alone as well. */
const LONE_TURNS = 8;

/**
 * What a turn of the event loop asks of a client goes out in few writes, at the end of the turn: writing is the dearest
 * part of a call. Where calls come one at a time there is nothing to wait for, and each is written at once. Calls written
 * at once whenever nothing is in flight would cost a tenth at four connections: their requests arrive together.
 *
 * Calls that find no connection wait for the next one, if that may come before their deadline: each is written once, and
 * none after its deadline.
 */
export class CallBatcher {
  private calls: OutgoingCall[] = [];
  private held: OutgoingCall[] = [];
  private loneTurns = 0;
  private wasIdle = false;
  private readonly isTraced: boolean;
  private readonly loss: ConnectionLoss;

  /**
   * @param patienceMs a connection that has been gone for longer is not waited for
   * @param isIdle whether no call waits for its answer
   */
  constructor(
    private readonly client: Redis,
    patienceMs: number,
    private readonly isIdle: () => boolean,
  ) {
    // So do OpenTelemetry's and Sentry's instrumentations mark what they wrap. They take the request from the async
    // context of the call: none may wait for others.
    this.isTraced = '__original' in (Reflect.get(client, 'sendCommand') as object);
    this.loss = new ConnectionLoss(client, patienceMs, this.sendHeld);
  }

  add(call: OutgoingCall): void {
    if (this.isTraced) return this.isWritable ? this.send(call) : this.hold(call);
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    if (waiting !== 1) return;
    this.wasIdle = this.isIdle();
    if (this.wasIdle && this.loneTurns >= LONE_TURNS) this.flush();
    else setImmediate(this.endTurn);
  }

  close(): void {
    this.loss.close();
    for (const call of this.held.splice(0)) call.reject(new Error('The connection is closed'));
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
      for (const call of calls) this.hold(call);
      return;
    }
    const writer = new BatchWriter(this.client);
    for (const call of calls) this.send(call, writer);
    writer.end();
  }

  private readonly sendHeld = (): void => {
    this.calls.push(...this.held.splice(0).filter(({ isSettled }) => !isSettled));
    this.flush();
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

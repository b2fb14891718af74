import type { Redis } from 'ioredis';
import { BatchWriter } from './batch-writer.js';
import type { ScriptCall } from './script-call.js';

type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject' | 'isSettled'>;

/** So many calls do not wait for the end of the turn: Redis may as well begin with them. */
const FULL_BATCH = 16;
/** So many calls wait for a connection; more are refused at once. */
const MOST_HELD = 1_000;

/**
 * What a turn of the event loop asks of a client goes out in few writes, at the end of the turn: writing is the dearest
 * part of a call.
 *
 * Calls that find no connection wait for the next one, if that may come before their deadline: each is written once, and
 * none after its deadline.
 */
export class Outbox {
  private calls: OutgoingCall[] = [];
  private held: OutgoingCall[] = [];
  private readonly isTraced: boolean;
  private lostAt = performance.now();
  private wasReady: boolean;

  /** @param patienceMs a connection that has been gone for longer is not waited for */
  constructor(
    private readonly client: Redis,
    private readonly patienceMs: number,
  ) {
    // So do OpenTelemetry's and Sentry's instrumentations mark what they wrap. They take the request from the async
    // context of the call: none may wait for others.
    this.isTraced = '__original' in (Reflect.get(client, 'sendCommand') as object);
    this.wasReady = client.status === 'ready';
    client.on('ready', this.onReady).on('close', this.onClose);
  }

  add(call: OutgoingCall): void {
    if (this.isTraced) return this.isWritable ? this.send(call) : this.hold(call);
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    else if (waiting === 1) setImmediate(this.flush);
  }

  close(): void {
    this.client.off('ready', this.onReady).off('close', this.onClose);
    for (const call of this.held.splice(0)) call.reject(new Error('The connection is closed'));
  }

  /** Also false when the connection has begun to end and nobody said so yet. */
  private get isWritable(): boolean {
    return this.client.status === 'ready' && this.client.stream?.writable;
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

  private readonly onReady = (): void => {
    this.wasReady = true;
    this.calls.push(...this.held.splice(0).filter(({ isSettled }) => !isSettled));
    this.flush();
  };

  private readonly onClose = (): void => {
    // A connection that never came about does not begin the wait anew.
    if (this.wasReady) this.lostAt = performance.now();
    this.wasReady = false;
  };

  private hold(call: OutgoingCall): void {
    const { status } = this.client;
    const isSoon = status === 'ready' || performance.now() - this.lostAt < this.patienceMs;
    if (status === 'end' || !isSoon) return call.reject(new Error('There is no connection to Redis'));
    if (this.held.length >= MOST_HELD) return call.reject(new Error('Too many calls wait for Redis'));
    this.held.push(call);
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

import type { Redis } from 'ioredis';
import { BatchWriter } from './batch-writer.js';
import type { ScriptCall } from './script-call.js';

type OutgoingCall = Pick<ScriptCall, 'toWritable' | 'reject'>;

/** So many calls do not wait for the end of the turn: Redis may as well begin with them. */
const FULL_BATCH = 16;

/**
 * What a turn of the event loop asks of a client goes out in few writes, at the end of the turn: writing is the dearest
 * part of a call.
 */
export class Outbox {
  private calls: OutgoingCall[] = [];
  private readonly isTraced: boolean;

  constructor(private readonly client: Redis) {
    // So do OpenTelemetry's and Sentry's instrumentations mark what they wrap. They take the request from the async
    // context of the call: none may wait for others.
    this.isTraced = '__original' in (Reflect.get(client, 'sendCommand') as object);
  }

  add(call: OutgoingCall): void {
    if (this.isTraced) return this.send(call);
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    else if (waiting === 1) setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    const writer = new BatchWriter(this.client);
    for (const call of calls) this.send(call, writer);
    writer.end();
  };

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

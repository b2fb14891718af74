import type { Redis } from 'ioredis';
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

  constructor(private readonly client: Redis) {}

  add(call: OutgoingCall): void {
    const waiting = this.calls.push(call);
    if (waiting === FULL_BATCH) this.flush();
    else if (waiting === 1) setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    const { calls } = this;
    if (calls.length === 0) return;
    this.calls = [];
    const writer = new BatchWriter(this.client);
    for (const call of calls) {
      try {
        this.client.sendCommand(call as never, writer as never);
      } catch (error) {
        call.reject(error as Error); // nobody else is there to hear of it
      }
    }
    writer.end();
  };
}

/** Takes the place of the client's stream while a batch is put together, as ioredis's own pipelines do. */
class BatchWriter {
  private text = '';
  private isEnded = false;

  constructor(private readonly client: Redis) {}

  /** After the batch, ioredis may write a call of it again, to the stream of another connection. */
  write(text: string): void {
    if (this.isEnded) this.client.stream.write(text, 'latin1');
    else this.text += text;
  }

  end(): void {
    this.isEnded = true;
    if (this.text !== '') this.client.stream.write(this.text, 'latin1');
    this.text = '';
  }
}

/** Whether calls may be written without ioredis's own commands: it sends those of a Cluster by their keys. */
export function isPlainClient(client: object): client is Redis {
  return !('nodes' in client) && !(client as Redis).options.keyPrefix;
}

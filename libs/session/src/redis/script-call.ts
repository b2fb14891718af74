import type { Redis } from 'ioredis';
import type { TimedCall } from './deadlines.js';
import type { Script, ScriptArgument } from './script.js';

const NO_ARGUMENTS: readonly string[] = [];

/**
 * A call of a script as ioredis puts it on the wire and settles it. `sendCommand()` of ioredis 5 and 6 asks no more of
 * a command than what is here; their own `Command` takes several times as long to make and to write as all the rest of
 * the call. It shows no arguments, so that no error or trace can carry a token hash away.
 */
export class ScriptCall implements TimedCall {
  readonly args = NO_ARGUMENTS;
  readonly isTraced = true;
  readonly inTransaction = false;
  readonly promise = undefined;
  isSettled = false;
  dueAt = Infinity;
  next: TimedCall | undefined = undefined;

  /** @param text the call in the Redis protocol, a character for each byte */
  constructor(
    readonly name: 'evalsha' | 'eval',
    private readonly text: string,
    private readonly settle: {
      readonly onReply: (reply: unknown, call: ScriptCall) => void;
      readonly onError: (error: Error, call: ScriptCall) => void;
    },
  ) {}

  resolve(reply: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.settle.onReply(reply, this);
  }

  reject(error: Error): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.settle.onError(error, this);
  }

  toWritable(): string {
    return this.text;
  }

  setReplyContext(): void {}

  /** A `commandTimeout` of the app's client: calls have a deadline of their own. */
  setTimeout(): void {}
}

/**
 * What a turn of the event loop asks of a client goes out in one write, at the end of the turn: writing is the dearest
 * part of a call.
 */
export class Outbox {
  private calls: ScriptCall[] = [];

  constructor(private readonly client: Redis) {}

  add(call: ScriptCall): void {
    if (this.calls.push(call) === 1) setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    const { calls } = this;
    this.calls = [];
    const writer = new BatchWriter(this.client);
    for (const call of calls) this.client.sendCommand(call as never, writer as never);
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

/** Arguments that are the same in many calls, written once. */
export class FixedArguments {
  readonly text: string;

  constructor(readonly values: readonly (string | number)[]) {
    this.text = values.map((value) => bulk(String(value))).join('');
  }
}

/** What a call takes besides its keys, in the script's order. */
export type CallArgument = ScriptArgument | FixedArguments;

const heads = new Map<Script, string>();

/** The call in the Redis protocol: `EVALSHA sha1 numkeys key… arg…`, or with the whole script. A character is a byte. */
export function encodeCall(
  command: 'evalsha' | 'eval',
  script: Script,
  { keys, args }: { readonly keys: readonly string[]; readonly args: readonly CallArgument[] },
): string {
  let [count, text] = [3 + keys.length, ''];
  for (const key of keys) text += bulk(key);
  for (const arg of args) {
    count += arg instanceof FixedArguments ? arg.values.length : 1;
    text += typeof arg === 'string' ? bulk(arg) : otherBulk(arg);
  }
  const head = command === 'evalsha' ? headOf(script) : `$4\r\neval\r\n${bulk(script.lua)}`;
  return `*${count}\r\n${head}${bulk(String(keys.length))}${text}`;
}

function headOf(script: Script): string {
  let head = heads.get(script);
  if (head === undefined) heads.set(script, (head = `$7\r\nevalsha\r\n${bulk(script.sha1)}`));
  return head;
}

/** What is not ASCII is taken apart into its UTF-8 bytes. */
function bulk(text: string): string {
  const length = Buffer.byteLength(text);
  const bytes = length === text.length ? text : Buffer.from(text).toString('latin1');
  return `$${length}\r\n${bytes}\r\n`;
}

function otherBulk(arg: Exclude<CallArgument, string>): string {
  if (typeof arg === 'number') return bulk(String(arg));
  return arg instanceof FixedArguments ? arg.text : `$${arg.length}\r\n${arg.toString('latin1')}\r\n`;
}

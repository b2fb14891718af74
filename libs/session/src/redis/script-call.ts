import type { Redis } from 'ioredis';
import type { TimedCall } from './deadlines.js';
import type { Script, ScriptArgument } from './script.js';

/**
 * A call of a script as ioredis puts it on the wire and settles it. `sendCommand()` of ioredis 5 and 6 asks no more of
 * a command than what is here; their own `Command` takes several times as long to make and to write as all the rest of
 * the call. It shows no arguments, so that no error or trace can carry a token hash away.
 */
export class ScriptCall implements TimedCall {
  readonly name: string;
  readonly args: readonly string[] = [];
  readonly isTraced = true;
  readonly inTransaction = false;
  readonly promise: Promise<unknown>;
  isSettled = false;
  dueAt = Infinity;
  resolve!: (reply: unknown) => void;
  reject!: (error: Error) => void;

  constructor(
    command: 'evalsha' | 'eval',
    private readonly bytes: Buffer,
  ) {
    this.name = command;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = (reply) => {
        this.isSettled = true;
        resolve(reply);
      };
      this.reject = (error) => {
        this.isSettled = true;
        reject(error);
      };
    });
  }

  toWritable(): Buffer {
    return this.bytes;
  }

  setReplyContext(): void {}

  /** A `commandTimeout` of the app's client: calls have a deadline of their own. */
  setTimeout(): void {}
}

/** Whether calls may be written without ioredis's own commands: it sends those of a Cluster by their keys. */
export function isPlainClient(client: object): client is Redis {
  return 'stream' in client && 'options' in client && !(client as Redis).options.keyPrefix;
}

const heads = new WeakMap<Script, string>();

/** The call in the Redis protocol: `EVALSHA sha1 numkeys key… arg…`, or with the whole script. */
export function encodeCall(
  command: 'evalsha' | 'eval',
  script: Script,
  { keys, args }: { readonly keys: readonly string[]; readonly args: readonly ScriptArgument[] },
): Buffer {
  let text = `*${3 + keys.length + args.length}\r\n`;
  text += command === 'evalsha' ? headOf(script) : `$4\r\neval\r\n${bulk(script.lua)}`;
  text += bulk(String(keys.length));
  for (const key of keys) text += bulk(key);
  for (const arg of args) text += typeof arg === 'string' ? bulk(arg) : otherBulk(arg);
  return Buffer.from(text, 'latin1');
}

function headOf(script: Script): string {
  let head = heads.get(script);
  if (head === undefined) heads.set(script, (head = `$7\r\nevalsha\r\n${bulk(script.sha1)}`));
  return head;
}

/** Each character of the text is one byte of the call; what is not ASCII is taken apart into its UTF-8 bytes. */
function bulk(text: string): string {
  const length = Buffer.byteLength(text);
  const bytes = length === text.length ? text : Buffer.from(text).toString('latin1');
  return `$${length}\r\n${bytes}\r\n`;
}

function otherBulk(arg: number | Buffer): string {
  return typeof arg === 'number' ? bulk(String(arg)) : `$${arg.length}\r\n${arg.toString('latin1')}\r\n`;
}

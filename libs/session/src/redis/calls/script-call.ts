import type { Redis } from 'ioredis';
import { bulk, type CallBody } from './call-body.js';
import type { TimedCall } from './call-timeouts.js';
import { type Script, SCRIPTS } from '../lua/script.js';

/** Whom a call tells what becomes of it. */
export interface CallOwner {
  /** @param error of a call that failed for good, or `again`: it is sent in full */
  onSettled(call: ScriptCall, error?: Error | 'again'): void;
  /** Sends a call that the server did not know by its hash once more, in full. @returns the reply */
  sendInFull(call: Pick<ScriptCall, 'request' | 'dueAt'>): Promise<unknown>;
  /** Sends a call that lost its connection once more; its deadline stays. */
  sendAgain(call: ScriptCall): void;
  /** The error for whoever waits, from what Redis or the connection said. */
  explained(error: unknown, script: Script, hasRun: 'no' | 'perhaps'): Error;
}

const NO_ARGUMENTS: readonly string[] = [];

/**
 * A call of a script as ioredis puts it on the wire and settles it. `sendCommand()` of ioredis 5 and 6 asks no more of
 * a command than what is here; their own `Command` takes several times as long to make and to write as all the rest of
 * the call. It shows no arguments, so that no error or trace can carry a token hash away.
 */
export class ScriptCall<T = unknown> implements TimedCall {
  readonly promise: Promise<T>;
  readonly args = NO_ARGUMENTS;
  readonly isTraced = true;
  readonly inTransaction = false;
  isSettled = false;
  dueAt = Infinity;
  next: TimedCall | undefined = undefined;
  private isWritten = false;
  private mayBeRepeated: boolean;
  private fulfil!: (value: T) => void;
  private refuse!: (error: unknown) => void;

  constructor(
    readonly name: 'evalsha' | 'eval',
    readonly request: { readonly script: Script; readonly body: CallBody },
    private readonly read: (reply: unknown) => T,
    private readonly owner: CallOwner,
  ) {
    this.mayBeRepeated = isRepeatable(request);
    this.promise = new Promise<T>((fulfil, refuse) => {
      this.fulfil = fulfil;
      this.refuse = refuse;
    });
  }

  /** Tracers take this one and `reject` off the call, wrap them and call them by themselves. */
  readonly resolve = (reply: unknown): void => {
    if (this.isSettled) return;
    this.isSettled = true;
    this.owner.onSettled(this as ScriptCall);
    this.accept(reply);
  };

  readonly reject = (error: Error): void => {
    if (this.isSettled) return;
    const isReply = isReplyError(error);
    if (this.mayBeRepeated && !isReply && performance.now() < this.dueAt) {
      this.mayBeRepeated = false;
      return this.owner.sendAgain(this as ScriptCall);
    }
    this.isSettled = true;
    const isUnknown = this.name === 'evalsha' && isUnknownScript(error);
    this.owner.onSettled(this as ScriptCall, isUnknown ? 'again' : error);
    if (isUnknown) {
      this.owner.sendInFull(this).then((reply) => this.accept(reply), this.refuse);
    } else {
      const hasRun = this.isWritten && !isReply ? 'perhaps' : 'no';
      this.refuse(this.owner.explained(error, this.request.script, hasRun));
    }
  };

  /** A client that sends a call again, after a reconnection, writes it to the socket itself: as UTF-8, if it were text. */
  toWritable(stream?: unknown): string | Buffer {
    this.isWritten = true;
    const { script, body } = this.request;
    const text = headOf(this.name, script, body) + body.text;
    return stream instanceof BatchWriter ? text : Buffer.from(text, 'latin1');
  }

  setReplyContext(): void {}

  /** A `commandTimeout` of the app's client: calls have a deadline of their own. */
  setTimeout(): void {}

  private accept(reply: unknown): void {
    try {
      this.fulfil(this.read(reply));
    } catch (error) {
      this.refuse(this.owner.explained(error, this.request.script, 'perhaps'));
    }
  }
}

/** Takes the place of the client's stream while a batch is put together, as ioredis's own pipelines do. */
export class BatchWriter {
  private text = '';
  private isEnded = false;

  constructor(private readonly client: Redis) {}

  /** @param text a character for each byte */
  write(text: string): void {
    // After the batch, ioredis may write a call of it again, to the stream of another connection.
    if (this.isEnded) this.client.stream.write(text, 'latin1');
    else this.text += text;
  }

  end(): void {
    this.isEnded = true;
    if (this.text !== '') this.client.stream.write(this.text, 'latin1');
    this.text = '';
  }
}

/** Whether a call may be sent once more although it may have run: it reads, or is a check that counts nothing. */
function isRepeatable({ script, body }: ScriptCall['request']): boolean {
  if (script !== SCRIPTS.authenticate) return READS.has(script);
  return body.argCount === script.args.length;
}

const READS: ReadonlySet<Script> = new Set<Script>([
  SCRIPTS.exportData,
  SCRIPTS.exportOneTimeTokens,
  SCRIPTS.exportUser,
  SCRIPTS.listSessions,
  SCRIPTS.readConfirmations,
  SCRIPTS.readData,
  SCRIPTS.readIpLists,
  SCRIPTS.readUser,
]);

export function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** By script and by how many keys and arguments there are. */
const heads = new Map<Script, Map<number, string>>();
const MORE_THAN_KEYS = 65_536;

/** `EVALSHA sha1 numkeys`, or with the whole script. */
function headOf(command: ScriptCall['name'], script: Script, { keyCount, argCount }: CallBody): string {
  const count = 3 + keyCount + argCount;
  if (command === 'eval') return `*${count}\r\n$4\r\neval\r\n${bulk(script.lua)}${bulk(String(keyCount))}`;
  let ofScript = heads.get(script);
  if (!ofScript) heads.set(script, (ofScript = new Map()));
  const counts = argCount * MORE_THAN_KEYS + keyCount;
  let head = ofScript.get(counts);
  if (head === undefined) {
    head = `*${count}\r\n$7\r\nevalsha\r\n${bulk(script.sha1)}${bulk(String(keyCount))}`;
    ofScript.set(counts, head);
  }
  return head;
}

import type { ScriptArgument } from '../lua/script.js';

/** Keys and arguments of a call in the Redis protocol, a character for each byte. */
export interface CallBody {
  readonly keyCount: number;
  readonly argCount: number;
  readonly text: string;
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

export function encodeBody(keys: readonly string[], args: readonly CallArgument[]): CallBody {
  let [argCount, text] = [0, ''];
  for (const key of keys) text += bulk(key);
  for (const arg of args) {
    argCount += arg instanceof FixedArguments ? arg.values.length : 1;
    text += typeof arg === 'string' ? bulk(arg) : otherBulk(arg);
  }
  return { keyCount: keys.length, argCount, text };
}

/** The keys and arguments of a body as ioredis's own commands take them. */
export function decodeBody({ text, keyCount }: CallBody): {
  readonly keys: string[];
  readonly args: Buffer[];
} {
  const parts: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    const from = text.indexOf('\r\n', at) + 2;
    const to = from + Number(text.slice(at + 1, from - 2));
    parts.push(Buffer.from(text.slice(from, to), 'latin1'));
    at = to + 2;
  }
  return { keys: parts.slice(0, keyCount).map(String), args: parts.slice(keyCount) };
}

/** A text as one argument. What is not ASCII is taken apart into its UTF-8 bytes. */
export function bulk(text: string): string {
  const length = Buffer.byteLength(text);
  const bytes = length === text.length ? text : Buffer.from(text).toString('latin1');
  return `$${length}\r\n${bytes}\r\n`;
}

function otherBulk(arg: Exclude<CallArgument, string>): string {
  if (typeof arg === 'number') return bulk(String(arg));
  return arg instanceof FixedArguments ? arg.text : `$${arg.length}\r\n${arg.toString('latin1')}\r\n`;
}

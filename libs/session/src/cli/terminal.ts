/** What the command line tool needs of the process that it runs in. @publicApi */
export interface Terminal {
  /** Writes to stdout. */
  out(text: string): void;
  /** Writes to stderr. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Paths are relative to it. */
  readonly cwd: string;
  /** The operating system's name of whoever runs it. */
  readonly user: string;
  /** Asks a person; absent without a terminal: then acts need `--yes`. */
  readonly ask?: (question: string) => Promise<string>;
  /** Loads an ES module by its `file:` URL. */
  readonly load: (url: string) => Promise<unknown>;
}

/**
 * What the process ends with. 0: it is done, or all is well. 1: a warning of `doctor`, a difference of `manifest`, an
 * unknown user, or "no" to a question. 2: a fault that `doctor` found, a mistake on the command line or in the options, or
 * a Redis that does not answer.
 * @publicApi
 */
export type ExitCode = 0 | 1 | 2;

export const EXIT = { ok: 0, finding: 1, failure: 2 } as const satisfies Record<string, ExitCode>;

/** A mistake on the command line or in the options, told in one line. */
export class UsageError extends Error {}

const SHORTEST_SECRET = 4;
const IN_URLS = /(\w+:\/\/)[^\s/@]*@/g;

/** A terminal that lets no secret through, whatever an error quotes. */
export function withoutSecrets(terminal: Terminal, secrets: ReadonlySet<string>): Terminal {
  const clean = (text: string): string => {
    let shown = text.replace(IN_URLS, '$1***@');
    for (const secret of secrets) {
      if (secret.length >= SHORTEST_SECRET) shown = shown.replaceAll(secret, '***');
    }
    return shown;
  };
  return { ...terminal, out: (text) => terminal.out(clean(text)), err: (text) => terminal.err(clean(text)) };
}

/** Columns of text, each as wide as it must be. The last one is as long as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const lines = all.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
  );
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** What could move the cursor, colour the terminal or turn a line round: reasons and paths are written by others. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\uFFFD');
}

/** One line of JSON. JSON itself escapes only some of what is not printable. */
export function jsonLine(value: unknown): string {
  const escaped = (found: string): string =>
    Array.from(
      { length: found.length },
      (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join('');
  return `${JSON.stringify(value).replace(UNPRINTABLE, escaped)}\n`;
}

export function instant(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRecord } from '../rules/option-rules.js';
import { EXIT, type ExitCode, jsonLine, printable, table, type Terminal, UsageError } from './terminal.js';

type Entry = Readonly<Record<string, unknown>>;

/** Prints a policy manifest as a table, or what is different in another one. */
export async function showManifest(
  file: string,
  { compare, json }: { readonly compare?: string; readonly json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const entries = await readManifest(file, terminal);
  if (compare !== undefined) {
    const differences = differencesOf(entries, await readManifest(compare, terminal));
    if (json) terminal.out(jsonLine(differences));
    else
      terminal.out(differences.length === 0 ? 'No difference.\n' : differences.map(differenceText).join(''));
    return differences.length === 0 ? EXIT.ok : EXIT.finding;
  }
  if (json) {
    terminal.out(jsonLine(entries));
    return EXIT.ok;
  }
  const rows = entries.map((entry) => [...keyOf(entry), text(entry['access']), demandsOf(entry)]);
  terminal.out(table(['METHOD', 'PATH', 'ACCESS', 'DEMANDS'], rows));
  return EXIT.ok;
}

async function readManifest(file: string, { cwd }: Terminal): Promise<Entry[]> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(resolve(cwd, file), 'utf8'));
  } catch (error) {
    const { code } = error as { readonly code?: string };
    throw new UsageError(`${file} ${code === undefined ? 'is no JSON' : `cannot be read: ${code}`}`);
  }
  if (!Array.isArray(content) || !content.every((entry) => isRecord(entry) && 'access' in entry)) {
    throw new UsageError(`${file} is no policy manifest: PolicyManifest.toText() writes one`);
  }
  return content;
}

interface Difference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly method: string;
  readonly path: string;
  readonly before?: Entry;
  readonly after?: Entry;
}

/** From the first to the second. A handler that is reached as before, by another name, is no difference. */
function differencesOf(before: readonly Entry[], after: readonly Entry[]): Difference[] {
  const [old, now] = [byKey(before), byKey(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort();
  return keys.flatMap((key): Difference[] => {
    const [was, is] = [old.get(key), now.get(key)];
    if (was && is && demandsAsText(was) === demandsAsText(is)) return [];
    const [method, path] = keyOf((is ?? was) as Entry);
    const change = !was ? 'added' : !is ? 'removed' : 'changed';
    return [{ change, method, path, ...(was ? { before: was } : {}), ...(is ? { after: is } : {}) }];
  });
}

function byKey(entries: readonly Entry[]): Map<string, Entry> {
  const keyed = new Map<string, Entry>();
  for (const entry of entries) {
    const key = JSON.stringify([entry['kind'], ...keyOf(entry), entry['host'], entry['versions']]);
    // Two handlers of one path: the second is told apart by its name.
    keyed.set(keyed.has(key) ? `${key} ${text(entry['handler'])}` : key, entry);
  }
  return keyed;
}

function differenceText({ change, method, path, before, after }: Difference): string {
  const said = (entry: Entry | undefined): string =>
    entry ? printable(`${text(entry['access'])} ${demandsOf(entry)}`.trim()) : '';
  const head = `${change.padEnd(7)}  ${printable(`${method} ${path}`)}`;
  if (change !== 'changed') return `${head}  ${said(after ?? before)}\n`;
  return `${head}\n  - ${said(before)}\n  + ${said(after)}\n`;
}

function keyOf(entry: Entry): [method: string, path: string] {
  const message = entry['message'] === undefined ? '' : ` ${text(entry['message'])}`;
  return [text(entry['method']), text(entry['path']) + message];
}

const NOT_DEMANDS = new Set(['kind', 'method', 'path', 'message', 'handler', 'access', 'host', 'versions']);

/** In the words of the manifest: `roles=admin fresh=10m`. */
function demandsOf(entry: Entry): string {
  return Object.entries(entry)
    .filter(([name]) => !NOT_DEMANDS.has(name))
    .map(([name, value]) => (value === true ? name : `${name}=${shown(name, value)}`))
    .join(' ');
}

function shown(name: string, value: unknown): string {
  if (name === 'roles' && Array.isArray(value))
    return value.map((group) => (Array.isArray(group) ? group.join('|') : text(group))).join('&');
  if (name === 'quotas' && Array.isArray(value)) return value.map(quotaText).join(',');
  return Array.isArray(value) ? value.map(text).join(',') : text(value);
}

function quotaText(quota: unknown): string {
  if (!isRecord(quota)) return text(quota);
  const { name, quota: count, windowMs, by } = quota as Readonly<Record<string, unknown>>;
  return `${text(name)}:${text(count)}/${Number(windowMs) / 1_000}s by ${text(by)}`;
}

function demandsAsText({ handler: _handler, ...entry }: Entry): string {
  return JSON.stringify(sorted(entry));
}

/** With the names of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(pairs.map(([name, one]) => [name, sorted(one)]));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

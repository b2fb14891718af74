/** What JSON can say. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as decorators and options take them, in the largest unit that loses nothing: `10m`. */
export function durationText(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => ms > 0 && ms % size === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}

/** As plain JSON with sorted names: a function is told by its name, what is undefined is left out. */
export function toPlain(value: unknown): Plain {
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'symbol' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return (value ?? null) as Plain;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, toPlain(member)]));
}

/** Sizes of what a parser is given, each twice the one before: three doublings. */
const SIZES = [4_096, 8_192, 16_384, 32_768] as const;
const DOUBLINGS = SIZES.length - 1;
/** Linear work doubles with its input, quadratic work takes four times as long. */
const MAX_RATIO = 3.2;
/** Faster than this for the longest input, it does not matter how it grows. */
const NEGLIGIBLE_MS = 0.2;
const SAMPLES = 5;
/** One sample takes about this long at least, so that the clock's grain and a busy machine do not show. */
const SAMPLE_MS = 0.5;

/** How long a piece of work takes at best, or the first time that is quick enough, in milliseconds. */
export function bestTime(work: () => unknown, samples = SAMPLES, enoughMs = 0): number {
  let best = Infinity;
  let repeats = 1;
  for (let sample = 0; sample < samples && best > enoughMs; sample++) {
    const startedAt = performance.now();
    for (let i = 0; i < repeats; i++) work();
    const took = performance.now() - startedAt;
    best = Math.min(best, took / repeats);
    if (took < SAMPLE_MS) repeats = Math.min(1_000, Math.ceil(SAMPLE_MS / Math.max(took / repeats, 1e-4)));
  }
  return best;
}

/**
 * What shows that the work grows faster than its input; `undefined` for work in linear time. A busy machine gets a
 * second look: work in linear time passes one of them.
 */
export function growth(workOf: (size: number) => () => unknown): string | undefined {
  const [longest] = SIZES.slice(-1);
  if (longest === undefined || bestTime(workOf(longest), 3, NEGLIGIBLE_MS) < NEGLIGIBLE_MS) return undefined;
  let seen = '';
  for (let look = 0; look < 3; look++) {
    const times = SIZES.map((size) => bestTime(workOf(size)));
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    if (last / first < MAX_RATIO ** DOUBLINGS) return undefined;
    seen = times.map((ms) => `${ms.toFixed(3)} ms`).join(', ');
  }
  return seen;
}

/** Texts that make an expression go back: a run, and what denies the match that the run seemed to be. */
export const HOSTILE_TEXTS: Readonly<Record<string, (size: number) => string>> = {
  'spaces before a letter': (size) => `${' '.repeat(size)}x`,
  'spaces before a line end': (size) => `${' '.repeat(size)}\n`,
  'tabs and spaces': (size) => `${'\t '.repeat(size / 2)}x`,
  letters: (size) => 'a'.repeat(size),
  'letters before a NUL': (size) => `${'a'.repeat(size)}\u0000`,
  digits: (size) => `${'1'.repeat(size)}x`,
  'digits and dots': (size) => `${'1.'.repeat(size / 2)}x`,
  colons: (size) => `${':'.repeat(size)}x`,
  'colons and digits': (size) => `${'1:'.repeat(size / 2)}x`,
  semicolons: (size) => ';'.repeat(size),
  'semicolons and spaces': (size) => '; '.repeat(size / 2),
  commas: (size) => ','.repeat(size),
  'commas and spaces': (size) => ', '.repeat(size / 2),
  quotes: (size) => '"'.repeat(size),
  'an open quote': (size) => `"${'a'.repeat(size)}`,
  brackets: (size) => '['.repeat(size),
  'equals signs': (size) => '='.repeat(size),
  pairs: (size) => 'a=b;'.repeat(size / 4),
  dashes: (size) => `${'-'.repeat(size)}!`,
  underscores: (size) => `${'_'.repeat(size)}!`,
  slashes: (size) => `${'/'.repeat(size)} `,
  backslashes: (size) => '\\'.repeat(size),
  'at signs': (size) => '@'.repeat(size),
  percents: (size) => '%61'.repeat(size / 3),
  braces: (size) => '{"a":'.repeat(size / 5),
  'nested lists': (size) => '['.repeat(size / 2) + ']'.repeat(size / 2),
  punycode: (size) => `xn--${'a1'.repeat(size / 2)}`,
  'latin letters with marks': (size) => '\u00fc'.repeat(size),
  'combining marks': (size) => `a${'\u0315'.repeat(size / 2)}${'\u0316'.repeat(size / 2)}`,
  'combining marks, encoded': (size) => `a${'%cc%95'.repeat(size / 12)}${'%cc%96'.repeat(size / 12)}`,
  'half surrogates': (size) => '\ud800'.repeat(size),
  'bidi marks': (size) => '\u202e'.repeat(size),
};

const FIELDS: object = { a: 1 };

/** What a caller without a compiler may hand in, by what it is. Each is made anew: some are spoiled by a look. */
export const HOSTILE = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  zero: () => 0,
  five: () => 5,
  negative: () => -1,
  fraction: () => 1.5,
  NaN: () => NaN,
  Infinity: () => Infinity,
  huge: () => 2 ** 60,
  bigint: () => 5n,
  symbol: () => Symbol('hostile'),
  'empty text': () => '',
  text: () => 'hostile',
  'text of a number': () => '5',
  'text of false': () => 'false',
  'text with NUL': () => 'a\u0000b',
  'half a surrogate': () => 'a\ud800',
  __proto__text: () => '__proto__',
  'huge text': () => 'x'.repeat(3_000_000),
  'empty list': () => [],
  list: () => ['a'],
  'list of null': () => [null],
  'list of numbers': () => [1, 2],
  'sparse list': () => Object.assign([], { length: 4_000_000_000 }),
  'empty object': () => ({}),
  object: () => ({ a: 1 }),
  'object without prototype': () => Object.create(null) as object,
  'object with __proto__': () => JSON.parse('{"__proto__":{"a":1}}') as object,
  'object that names itself': () => {
    const it: Record<string, unknown> = {};
    it['a'] = it['b'] = it;
    return it;
  },
  'object whose fields throw': () =>
    new Proxy(FIELDS, {
      get: () => {
        throw new Error('a getter of the caller');
      },
    }),
  'object that cannot be text': () => ({
    toString: () => {
      throw new Error('toString of the caller');
    },
  }),
  'object with a getter': () => ({
    get a(): never {
      throw new Error('a getter of the caller');
    },
  }),
  function: () => () => undefined,
  class: () => Map,
  date: () => new Date(),
  'invalid date': () => new Date(NaN),
  map: () => new Map([['a', 1]]),
  promise: () => Promise.resolve('hostile'),
  // oxlint-disable-next-line unicorn/no-thenable
  thenable: () => ({ then: (done: (value: string) => void) => done('hostile') }),
  buffer: () => Buffer.from('hostile'),
  regexp: () => /a/,
} satisfies Record<string, () => unknown>;

export type Kind = keyof typeof HOSTILE;
export const KINDS = Object.keys(HOSTILE) as Kind[];

/** What an object of options without our fields is: nothing was chosen. */
export const NO_FIELDS: readonly Kind[] = [
  'empty object',
  'object',
  'object without prototype',
  'object with __proto__',
  'object that names itself',
  'object that cannot be text',
  'object with a getter',
];
/** Texts of any content, for what only tells clients apart. */
export const TEXTS: readonly Kind[] = [
  'empty text',
  'text',
  'text of a number',
  'text of false',
  'text with NUL',
  'half a surrogate',
  '__proto__text',
  'huge text',
];
/** Texts that can be a user's id. */
export const IDS: readonly Kind[] = [
  'text',
  'text of a number',
  'text of false',
  'text with NUL',
  '__proto__text',
];

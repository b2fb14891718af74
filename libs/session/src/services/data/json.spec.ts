import { SessionError } from '../../model/session-error.js';
import { copyOf, copyOfObject, parseObject } from './json.js';

const problemOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof SessionError && error.code === 'bad_request') return error.message;
    throw error;
  }
  throw new Error('It was taken');
};
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
};

describe('copyOf', () => {
  it.each([
    ['a text', ' "\u{1F600}\ud800'],
    ['numbers', [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER]],
    ['the rest', { a: null, b: true, c: { d: [] } }],
    ['keys of every object', { constructor: 1, toString: 2, hasOwnProperty: 3, '': 4 }],
    ['32 levels', nested(32)],
  ])('takes %s, and keeps it through JSON', (_name, value) => {
    const copy = copyOf(value);
    expect(copy).toEqual(value);
    expect(copyOf(JSON.parse(JSON.stringify(copy)))).toEqual(copy);
  });

  it('makes objects without a prototype, and shares nothing with the original', () => {
    const original = { list: [{ a: 1 }] };
    const copy = copyOfObject(original) as typeof original;
    original.list[0]!.a = 2;
    expect(copy.list[0]!.a).toBe(1);
    for (const object of [copy, copy.list[0]]) expect(Object.getPrototypeOf(object)).toBeNull();
  });

  it('takes undefined for absence', () => {
    expect(Object.keys(copyOfObject({ a: undefined, b: 1 }))).toEqual(['b']);
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = { cycle };
  it.each<[string, unknown, string]>([
    ['NaN', { a: NaN }, 'data.a is NaN'],
    ['an infinite number', JSON.parse('{"a":[1,1e999]}'), 'data.a[1] is Infinity'],
    ['a function', { a: { b: () => 1 } }, 'data.a.b is of type function'],
    ['a symbol', { a: Symbol('x') }, 'data.a is of type symbol'],
    ['a bigint', { a: 1n }, 'data.a is of type bigint'],
    ['a hole', { a: Array(1) }, 'data.a[0] is of type undefined'],
    ['a date', { a: new Date() }, 'data.a is not a plain object'],
    ['a map', { a: new Map() }, 'data.a is not a plain object'],
    [
      'an object with a way of its own to be JSON',
      { a: { toJSON: () => 1 } },
      'data.a.toJSON is of type function',
    ],
    ['a key __proto__', JSON.parse('{"a":{"__proto__":{"isAdmin":true}}}'), 'data.a has a key __proto__'],
    ['a cycle', cycle, 'nested deeper than 32 levels'],
    ['33 levels', { a: nested(33) }, 'nested deeper than 32 levels'],
  ])('refuses %s, and says where', (_name, value, problem) => {
    expect(problemOf(() => copyOf(value))).toContain(problem);
  });

  it('says no more of a long key than is good for a log', () => {
    expect(problemOf(() => copyOf({ ['k'.repeat(5_000)]: NaN })).length).toBeLessThan(150);
  });
});

describe('copyOfObject', () => {
  it.each([null, undefined, 1, 'text', true, [], [1], new Date(), new Map()])('refuses %p', (value) => {
    expect(problemOf(() => copyOfObject(value))).toBe('data is not a plain object');
  });
});

describe('parseObject', () => {
  it('gives no object a prototype', () => {
    const parsed = parseObject('{"a":{"b":1}}');
    expect(Object.getPrototypeOf(parsed)).toBeNull();
    expect(Object.getPrototypeOf(parsed['a'])).toBeNull();
  });

  it.each(['', '{', '[]', 'null', '"text"', '{"__proto__":{}}'])('refuses %p', (text) => {
    expect(() => parseObject(text)).toThrow(/JSON|data/);
  });
});

import * as fc from 'fast-check';
import { type Duration, toMilliseconds } from './duration.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

describe('toMilliseconds', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['30d', 2_592_000_000],
    ['0ms', 0],
    [1_500, 1_500],
    [0.4, 0],
    ['1.6ms', 2],
  ] as const)('takes %p', (duration, ms) => {
    expect(toMilliseconds(duration)).toBe(ms);
  });

  it('multiplies any number by its unit, and takes a bare number as milliseconds', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), fc.constantFrom(...Object.entries(UNITS)), (count, [unit, ms]) => {
        expect(toMilliseconds(`${count}${unit}` as Duration)).toBe(count * ms);
        expect(toMilliseconds(count)).toBe(count);
      }),
    );
  });

  it.each([
    '',
    's',
    '10',
    '10 s',
    ' 10s',
    '10s\n',
    '10S',
    '10sec',
    '10m30s',
    '-1s',
    '+1s',
    '1e3s',
    '.5s',
    '1.s',
    '0x1s',
    '١s',
    'Infinitys',
    '9'.repeat(400) + 'd',
    -1,
    NaN,
    Infinity,
    null,
    undefined,
    true,
    {},
    ['1s'],
  ])('refuses %p', (duration) => {
    expect(() => toMilliseconds(duration as Duration)).toThrow(RangeError);
  });

  it('answers any text with a whole, finite, non-negative number or a RangeError', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.-+emshd ') }));
    fc.assert(
      fc.property(text, (duration) => {
        let ms;
        try {
          ms = toMilliseconds(duration as Duration);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

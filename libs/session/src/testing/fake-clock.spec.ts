import type { Duration } from '../basics/duration.js';
import { FakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('stands still until it is told to go on', () => {
    const clock = new FakeClock(1_000);
    expect([clock.now(), clock.now()]).toEqual([1_000, 1_000]);
    clock.advance('1.5s');
    clock.advance(1);
    expect(clock.now()).toBe(2_501);
    expect(new FakeClock().now()).toBe(new FakeClock().now());
  });

  it('never goes back', () => {
    const clock = new FakeClock(1_000);
    for (const wrong of [-1, NaN, '-1s', 'soon']) {
      expect(() => clock.advance(wrong as Duration)).toThrow(RangeError);
    }
    expect(clock.now()).toBe(1_000);
  });
});

import { StateAge } from './state-age.js';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

describe('how old a record may be', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it.each([1, 30])(
    'is an age again when one of %d days has passed since Redis became another server',
    (days) => {
      const age = new StateAge(days * DAY_MS);
      expect(age.distrustBefore(NOW, NOW)).toBe(true);
      expect(age.argument).toBe(NOW);
      jest.advanceTimersByTime(days * DAY_MS - 1);
      expect(age.argument).toBe(NOW);
      jest.advanceTimersByTime(days * DAY_MS);
      expect(age.argument).toBe(days * DAY_MS);
      age.close();
    },
  );

  it('stays the instant where no record is ever too old', () => {
    const age = new StateAge(Infinity);
    age.distrustBefore(NOW, NOW);
    jest.advanceTimersByTime(1_000 * DAY_MS);
    expect(age.argument).toBe(NOW);
    age.close();
  });
});

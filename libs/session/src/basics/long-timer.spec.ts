import { LongTimer } from './long-timer.js';

const DAY_MS = 86_400_000;

describe('LongTimer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('waits for 30 days, which setTimeout would not', () => {
    const fire = jest.fn();
    new LongTimer().set(30 * DAY_MS, fire);
    jest.advanceTimersByTime(30 * DAY_MS - 1);
    expect(fire).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it('forgets what it was set to when it is set again, or cleared', () => {
    const [first, second] = [jest.fn(), jest.fn()];
    const timer = new LongTimer();
    timer.set(1_000, first);
    timer.set(2_000, second);
    jest.advanceTimersByTime(1_500);
    timer.clear();
    jest.advanceTimersByTime(DAY_MS);
    expect([first, second].map((fire) => fire.mock.calls.length)).toEqual([0, 0]);
  });
});

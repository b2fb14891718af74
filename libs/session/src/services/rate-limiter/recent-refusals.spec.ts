import { RecentRefusals } from './recent-refusals.js';

const share = (key: string) => ({
  policy: { name: 'all', quota: 30, windowMs: 3_600_000, burst: 30 },
  partition: { key },
  cost: 1,
});

describe('RecentRefusals', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('remembers a refusal over the stall of a busy machine, and no longer than 5 s', () => {
    const refusals = new RecentRefusals();
    const [wide, narrow] = [share('everybody'), share('eve')];
    refusals.note([narrow]);
    jest.advanceTimersByTime(4_900);
    expect(refusals.suspectsFirst([wide, narrow])).toEqual([narrow, wide]);
    jest.advanceTimersByTime(200);
    expect(refusals.suspectsFirst([wide, narrow])).toBeUndefined();
  });
});

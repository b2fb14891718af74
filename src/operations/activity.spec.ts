import { Activity, KEPT_SECONDS } from './activity.js';

const NOW = 1_790_000_000_000;

it('counts by second and by reason', () => {
  const activity = new Activity();
  activity.count(undefined, NOW + 10);
  activity.count('user_blocked', NOW + 20);
  activity.count('user_blocked', NOW + 990);
  activity.count('rate_limited', NOW + 2_000);
  expect(activity.recent(NOW + 3_000)).toEqual([
    { at: NOW, permitted: 1, denied: { user_blocked: 2 } },
    { at: NOW + 2_000, permitted: 0, denied: { rate_limited: 1 } },
  ]);
});

it('keeps five minutes and no more, also of a busy node', () => {
  const activity = new Activity();
  for (let i = 0; i < 2 * KEPT_SECONDS; i++) activity.count(undefined, NOW + i * 1_000);
  const last = NOW + (2 * KEPT_SECONDS - 1) * 1_000;
  expect(activity.recent(last)).toHaveLength(KEPT_SECONDS);
  expect(activity.recent(last + 10_000)).toHaveLength(KEPT_SECONDS - 10);
  expect(activity.recent(last + KEPT_SECONDS * 1_000)).toEqual([]);
});

it('goes on in the newest second when the clock is set back', () => {
  const activity = new Activity();
  activity.count(undefined, NOW);
  activity.count(undefined, NOW - 5_000);
  expect(activity.recent(NOW)).toEqual([{ at: NOW, permitted: 2, denied: {} }]);
});

import { ActivitySeconds, KEPT_SECONDS, PERMIT } from './activity-seconds.js';

const NOW = 1_790_000_000_000;

it('counts by second and by reason, in whatever order they come', () => {
  const seconds = new ActivitySeconds();
  seconds.add(NOW + 2_000, 'rate_limited');
  seconds.add(NOW + 10, PERMIT);
  seconds.add(NOW + 20, 'user_blocked', 2);
  expect(seconds.recent(NOW + 3_000)).toEqual([
    { at: NOW, permitted: 1, denied: { user_blocked: 2 } },
    { at: NOW + 2_000, permitted: 0, denied: { rate_limited: 1 } },
  ]);
});

it('keeps five minutes and no more, also of a busy node', () => {
  const seconds = new ActivitySeconds();
  for (let i = 0; i < 3 * KEPT_SECONDS; i++) seconds.add(NOW + i * 1_000, PERMIT);
  const last = NOW + (3 * KEPT_SECONDS - 1) * 1_000;
  expect([...seconds.counts()]).toHaveLength(2 * KEPT_SECONDS);
  expect(seconds.recent(last)).toHaveLength(KEPT_SECONDS);
  expect(seconds.recent(last + 10_000)).toHaveLength(KEPT_SECONDS - 10);
  expect(seconds.recent(last + KEPT_SECONDS * 1_000)).toEqual([]);
});

it('counts on when the clock is set back', () => {
  const seconds = new ActivitySeconds();
  for (let i = 0; i < 3 * KEPT_SECONDS; i++) seconds.add(NOW + i * 1_000, PERMIT);
  seconds.add(NOW - 3_600_000, 'rate_limited');
  seconds.add(NOW - 3_599_000, PERMIT);
  expect(seconds.recent(NOW - 3_599_000).slice(0, 2)).toEqual([
    { at: NOW - 3_600_000, permitted: 0, denied: { rate_limited: 1 } },
    { at: NOW - 3_599_000, permitted: 1, denied: {} },
  ]);
});

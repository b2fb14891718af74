import { setTimeout as sleep } from 'node:timers/promises';
import { BUSY_MS } from '../support/patience.js';
import { actThrough, isAcknowledged, refusedForMs, undone, useGroups } from './support/failover-acts.js';

const open = useGroups();

describe('a planned failover', () => {
  it.each([1, 2])(
    'undoes no acknowledged block or logout (%i replicas)',
    async (replicas) => {
      const { group, on } = await open({ replicas });
      const outage = await actThrough(group, on, 2_500);
      const { acts, servedAt } = outage;
      expect(await group.primary()).not.toBe(group.servers[0]);
      const lost = await undone(on, acts);
      const acknowledged = acts.filter(isAcknowledged);
      console.log(
        'the new primary served after, ms',
        servedAt,
        'refused from then on for, ms',
        refusedForMs(outage),
        'acknowledged',
        acknowledged.length,
        'of',
        acts.length,
      );
      expect(lost.map(Math.round)).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(100);
      expect(acts.at(-1)!.isAcknowledged).toBe(true);
    },
    60_000,
  );
});

it('a replica that is lost holds acts up for 3 s, and one that is slow for no longer than an act may take', async () => {
  const { group, on } = await open({ replicas: 2 });
  const [, slow, lost] = group.servers;
  await on.users.ensure('ada');
  const block = async () => {
    const from = performance.now();
    const code = await on.users.block('ada', { reason: 'spam' }).then(
      () => 'acknowledged',
      (error: { code?: string }) => error.code,
    );
    expect(performance.now() - from).toBeLessThan(250 + BUSY_MS);
    return code;
  };
  expect(await block()).toBe('acknowledged');
  await lost!.kill();
  const from = performance.now();
  while ((await block()) !== 'not_durable') expect(performance.now() - from).toBeLessThan(BUSY_MS);
  while ((await block()) !== 'acknowledged') await sleep(50);
  expect(performance.now() - from).toBeGreaterThan(2_500);
  expect(performance.now() - from).toBeLessThan(4_000 + BUSY_MS);
  slow!.freeze();
  expect(await block()).toBe('acknowledged');
  slow!.thaw();
}, 30_000);

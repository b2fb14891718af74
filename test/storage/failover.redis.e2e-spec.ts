import { actThrough, isAcknowledged, refusedForMs, undone, useGroups } from './support/failover-acts.js';

const open = useGroups();

describe('a planned failover', () => {
  it.each([1, 2])(
    'undoes no acknowledged block or logout (%i replicas)',
    async (replicas) => {
      const { group, on } = await open({ replicas });
      const acts = await actThrough(group, on, 4_000);
      expect(await group.primary()).not.toBe(group.servers[0]);
      const lost = await undone(on, acts);
      const acknowledged = acts.filter(isAcknowledged);
      console.log(
        'refused for, ms',
        refusedForMs(acts),
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

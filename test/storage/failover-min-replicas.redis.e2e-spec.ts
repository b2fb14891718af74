import { BUSY_MS } from '../support/patience.js';
import { actThrough, isAcknowledged, refusedForMs, undone, useGroups } from './support/failover-acts.js';

const open = useGroups();

const MIN_REPLICAS = ['--min-replicas-to-write', '1'];

describe('a planned failover where primaries without a replica take no writes', () => {
  // Whoever saw the old primary lose a replica refuses acts for 3 s: `not_durable`.
  it('is over in 3 s after the new primary takes writes for a node that hears of it by NOREPLICAS alone', async () => {
    const { group, on } = await open({ replicas: 2, args: MIN_REPLICAS }, { failoverDetector: false });
    const outage = await actThrough(group, on, 4_500);
    console.log('refused for, ms', refusedForMs(outage), 'the new primary served after', outage.servedAt);
    expect(refusedForMs(outage)).toBeLessThan(3_000 + BUSY_MS);
    expect(isAcknowledged(outage.acts.at(-1)!)).toBe(true);
    expect(await group.primary()).not.toBe(group.servers[0]);
  }, 30_000);

  it('undoes at most the block that is on its way to the one replica as it takes over', async () => {
    const { group, on } = await open({ args: MIN_REPLICAS });
    const { acts: blocks } = await actThrough(group, on, 1_500, 'named');
    const named = await group.primary();
    expect(named).not.toBe(group.servers[0]);
    await named.client().config('SET', 'min-replicas-to-write', '0'); // or nobody could be asked, for 10 s
    expect(blocks.filter(isAcknowledged).length).toBeGreaterThan(30);
    // Rare, and only on a busy machine: a replica that takes over does not read what has arrived by then.
    expect((await undone(on, blocks)).length).toBeLessThanOrEqual(1);
  }, 30_000);
});

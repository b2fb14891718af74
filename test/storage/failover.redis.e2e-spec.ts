import { blockThrough, isAcknowledged, undone, useGroups } from './support/failover-blocks.js';

const open = useGroups();

/** Until it announces the new primary, a Sentinel names the old one, which takes writes that it alone has. */
const WINDOW_MS = 1_700;

it('a planned failover undoes no acknowledged block but those of its first 1.7 s, before the Sentinel announces it', async () => {
  const { group, on } = await open({});
  const blocks = await blockThrough(group, on, 10_000);
  await group.follows(group.servers[0]);
  const lost = await undone(on, blocks);
  console.log('undone: acknowledged so many ms after the failover', lost.map(Math.round).join(' '));
  expect(blocks.filter(isAcknowledged).length).toBeGreaterThan(200);
  expect(Math.max(0, ...lost)).toBeLessThan(WINDOW_MS);
}, 60_000);

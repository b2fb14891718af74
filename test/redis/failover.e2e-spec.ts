import { redisClientOptions } from '@latchkey/session';
import { SentinelGroup, type SentinelGroupOptions } from '../support/sentinel-group.js';
import { blockThrough, isAcknowledged, undone } from './failover-blocks.js';
import { sessionsOn } from './sessions-on.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(groupOptions: SentinelGroupOptions, clientOptions = {}) {
  const group = await SentinelGroup.start(groupOptions);
  closing.push(() => group.stop());
  const on = await sessionsOn({ ...redisClientOptions(), ...group.place, ...clientOptions });
  closing.push(() => on.close());
  return { group, on };
}

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

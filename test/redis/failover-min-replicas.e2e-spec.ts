import { redisClientOptions } from '@latchkey/session';
import { SentinelGroup, type SentinelGroupOptions } from '../support/sentinel-group.js';
import { blockThrough, isAcknowledged, refusedForMs, undone } from './failover-blocks.js';
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

const MIN_REPLICAS = ['--min-replicas-to-write', '1'];

describe('a planned failover where primaries without a replica take no writes', () => {
  it('is over within 1.5 s for a node that hears of it by NOREPLICAS alone', async () => {
    const { group, on } = await open({ replicas: 2, args: MIN_REPLICAS }, { failoverDetector: false });
    const blocks = await blockThrough(group, on, 4_000);
    console.log('refused for, ms', refusedForMs(blocks));
    expect(blocks.every(isAcknowledged)).toBe(false);
    expect(refusedForMs(blocks)).toBeLessThan(1_500);
    expect(await group.primary()).not.toBe(group.servers[0]);
  }, 30_000);

  it('undoes no acknowledged block at all if there is one replica', async () => {
    const { group, on } = await open({ args: MIN_REPLICAS });
    const blocks = await blockThrough(group, on, 3_000);
    const named = await group.primary();
    expect(named).not.toBe(group.servers[0]);
    await named.client().config('SET', 'min-replicas-to-write', '0'); // or nobody could be asked, for 10 s
    expect(blocks.filter(isAcknowledged).length).toBeGreaterThan(30);
    expect(await undone(on, blocks)).toEqual([]);
  }, 30_000);
});

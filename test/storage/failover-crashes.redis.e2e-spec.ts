import { setTimeout as sleep } from 'node:timers/promises';
import { redisClientOptions } from '@latchkey/session';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { SentinelGroup } from '../support/sentinel-group.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';

const NODES = 12;
const DOWN_AFTER_MS = 500;

let group: SentinelGroup;
let proxy: CutOffProxy;
const nodes: SessionsOn[] = [];
beforeAll(async () => {
  group = await SentinelGroup.start({ replicas: 2, downAfterMs: DOWN_AFTER_MS });
  proxy = await CutOffProxy.start(group.sentinelPort);
  const place = { ...group.place, sentinels: [{ host: '127.0.0.1', port: proxy.port }] };
  for (let i = 0; i < NODES; i++) {
    nodes.push(await sessionsOn({ ...redisClientOptions(), ...place }, { commandTimeoutMs: 2_000 }));
  }
}, 30_000);
afterAll(async () => {
  for (const on of nodes) await on.close();
  await proxy.close();
  await group.stop();
});

/** Resolves when every node can write, and says after how long. */
async function healed(): Promise<number> {
  const from = performance.now();
  const writes = async (on: SessionsOn): Promise<void> => {
    for (;;) {
      try {
        return void (await on.users.block('ada', { reason: 'spam' }));
      } catch (error) {
        if (performance.now() > from + 12_000) throw error;
        await sleep(50);
      }
    }
  };
  await Promise.all(nodes.map(writes));
  return performance.now() - from;
}

describe('a primary that crashes', () => {
  it.each(['first', 'next'])(
    'is followed by every node, those that just ask a slow Sentinel for the new one among them (%s crash)',
    async () => {
      const [first] = nodes as [SessionsOn];
      await first.users.ensure('ada');
      await sleep(1_000); // what a primary has not passed on when it dies is lost
      proxy.delayMs = 200; // so that as a rule a node is asking when it is told
      await (await group.primary()).kill();
      console.log('every node can write, ms after the kill', await healed());
      proxy.delayMs = 0;
      for (const on of nodes) expect((await on.users.get('ada'))?.block).toBeDefined();
    },
    20_000,
  );
});

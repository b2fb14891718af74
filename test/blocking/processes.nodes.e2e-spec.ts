import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.js';
import { CutOffProxy } from '../support/cut-off-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { startNode } from '../live/support/live-node.js';
import { figures, useNodes } from '../live/support/live-nodes.js';

const ENTRY = join(__dirname, '../live/support/live-process.mjs');
const ROUNDS = 100;
/** So often it is measured again on a machine that is busy with other tests. */
const ATTEMPTS = 3;
/** Before the code is warm, and Redis knows all scripts. */
const WARM_UP_ROUNDS = 10;
const END_WITHIN_MS = 100;
const STORMS = 40;

beforeAll(() => buildSample(), BUILD_TIMEOUT_MS);

let server: RedisServer;
let proxy: CutOffProxy;
/** Holds the connections, in a process of its own; this process acts. */
let holder: AppProcess;
const nodes = useNodes(async () => {
  server = await RedisServer.start();
  proxy = await CutOffProxy.start(server.port);
  holder = await AppProcess.start({ entry: ENTRY, env: { REDIS_URL: proxy.url } });
  const start = () => startNode({ redis: server.url, commandTimeoutMs: 1_000 });
  return {
    nodes: [await start(), await start()],
    async stop() {
      await holder.stop('SIGKILL');
      await proxy.close();
      await server.stop();
    },
  };
});
afterEach(() => {
  proxy.delayMs = 0;
});

describe('a block in one process', () => {
  it('ends streams and sockets in another within 100 ms (p99), and the receipt counts them', async () => {
    let p99 = Infinity;
    for (let attempt = 0; attempt < ATTEMPTS && p99 >= END_WITHIN_MS; attempt++) p99 = await measure();
    expect(p99).toBeLessThan(END_WITHIN_MS);
  }, 240_000);

  /** @returns the p99 of how long it takes, over many blocks, each of a user with a stream and a socket */
  async function measure(): Promise<number> {
    const late: number[] = [];
    const acts: number[] = [];
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      const { userId, token } = await nodes.user();
      const [events, messages] = await Promise.all([
        nodes.stream(holder, token),
        nodes.socket(holder, token),
      ]);
      const startedAt = performance.now();
      const receipt = await nodes.acting.users.block(userId, { reason: 'spam' });
      if (receipt.nodes.expired === 0) expect(receipt).toMatchObject({ connectionsClosed: 2 });
      const ends = [await events.ended(), (await messages.ended()).at];
      if (round < WARM_UP_ROUNDS) continue;
      late.push(...ends.map((at) => at - startedAt));
      acts.push(receipt.ms);
    }
    console.log('end of connections of another process after a block, ms', figures(late));
    console.log('block() until it is confirmed, ms', figures(acts));
    return figures(late).p99;
  }
});

describe('a demotion in one process, in a storm of messages to another', () => {
  // With slow answers, many a message was permitted by what Redis said before the demotion and is yet to be handled.
  it.each([0, 20])(
    'handles none after setRoles() has resolved, with answers %i ms late',
    async (delayMs) => {
      proxy.delayMs = delayMs;
      let [handled, late, unconfirmed] = [0, 0, 0];
      for (let round = 0; round < STORMS; round++) {
        const { userId, token } = await nodes.user('moderator');
        const sockets = await Promise.all([1, 2, 3].map(() => nodes.socket(holder, token)));
        let isStorming = true;
        const storm = sockets.map(async (one) => {
          while (isStorming) {
            for (let i = 0; i < 5; i++) one.send('delete');
            await sleep(1);
          }
        });
        await sleep(20 + 3 * delayMs);
        const receipt = await nodes.acting.users.setRoles(userId, ['user']);
        const resolvedAt = process.hrtime.bigint();
        unconfirmed += 1 - receipt.nodes.confirmed;
        await sleep(20 + 2 * delayMs);
        isStorming = false;
        await Promise.all(storm);
        await Promise.all(sockets.map((one) => one.message('exception')));
        const instants = sockets.flatMap(({ messages }) =>
          messages.filter(({ event }) => event === 'deleted').map(({ data }) => BigInt(String(data['at']))),
        );
        handled += instants.length;
        late += instants.filter((at) => at > resolvedAt).length;
        for (const one of sockets) one.close();
      }
      const counts = { handled, late, unconfirmedActs: unconfirmed };
      console.log(`privileged messages in ${STORMS} storms, answers ${delayMs} ms late`, counts);
      expect(handled).toBeGreaterThan(STORMS);
      expect(late).toBe(0);
    },
    120_000,
  );
});

describe('a process that is frozen', () => {
  it('is told as expired, and ends what it holds when it goes on', async () => {
    const frozen = await AppProcess.start({ entry: ENTRY, env: { REDIS_URL: server.url } });
    nodes.finally(() => frozen.stop('SIGKILL'));
    const { userId, token } = await nodes.user();
    const events = await nodes.stream(frozen, token);
    frozen.signal('SIGSTOP');
    const receipt = await nodes.acting.users.block(userId, { reason: 'spam' });
    expect(receipt).toMatchObject({ connectionsClosed: 0, nodes: { expired: 1 } });
    expect(receipt.ms).toBeGreaterThan(240);
    expect(receipt.ms).toBeLessThan(1_500); // it is woken late on a busy machine
    frozen.signal('SIGCONT');
    expect((await events.event('session-ended')).data).toEqual({ code: 'user_blocked' });
  });
});

describe('a process that is killed', () => {
  it('holds acts up for 1.5 s at most, and is told as expired until it is forgotten', async () => {
    const env = { REDIS_URL: server.url, KEY_PREFIX: 'killed' };
    const killed = await AppProcess.start({ entry: ENTRY, env });
    const acting = await startNode({ redis: server.url, keyPrefix: 'killed', commandTimeoutMs: 1_000 });
    nodes.finally(() => acting.stop());
    await nodes.stream(killed, (await acting.sessions.create('ada')).token);
    await killed.stop('SIGKILL');
    const killedAt = performance.now();
    const acts: { readonly afterMs: number; readonly ms: number; readonly expired: number }[] = [];
    while (performance.now() - killedAt < 7_000) {
      const afterMs = performance.now() - killedAt;
      const { ms, nodes: told } = await acting.users.setRoles('ada', ['user']);
      acts.push({ afterMs, ms, expired: told.expired });
      await sleep(20);
    }
    const waited = acts.filter(({ ms }) => ms > 240);
    const laterOn = acts.filter(({ afterMs }) => afterMs >= 1_600);
    console.log(`acts after a kill: ${acts.length}, of which waited in vain: ${waited.length}`);
    expect(waited.length).toBeGreaterThan(0);
    // A busy machine may hold one of them up; waiting for the dead would hold up each.
    expect(laterOn.filter((act) => waited.includes(act)).length).toBeLessThan(laterOn.length / 10);
    expect(acts.filter(({ afterMs }) => afterMs < 4_000).every(({ expired }) => expired === 1)).toBe(true);
    expect(acts.at(-1)).toMatchObject({ expired: 0 });
  }, 30_000);
});

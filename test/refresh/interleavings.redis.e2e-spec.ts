import { setTimeout as sleep } from 'node:timers/promises';
import { SessionError } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import { everyOrder } from '../support/schedule.js';
import { RedisServer } from '../support/redis-server.js';
import { Family } from './support/oracle.js';
import { memoryNodes, redisNodes, type RefreshNode } from './support/nodes.js';

/**
 * Every order in which the owner (who refreshes twice, each time with the newest token it has), a second tab, a thief with
 * the first token, a logout, a block and a password change (a check, then the replacement) can come, played on two nodes
 * and compared with an oracle of thirty lines. Each step is one atomic call of the repository: there are no others.
 */
const STEPS = { owner: 2, tab: 1, thief: 1, logout: 1, block: 1, change: 2 } as const;
/** 8! / (2! · 2!) */
const ORDERS = 10_080;
/** The same with the end of the grace among the steps, and without the password change: 7! / 2! */
const STEPS_OVER_TIME = { owner: 2, tab: 1, thief: 1, logout: 1, block: 1, graceEnds: 1 } as const;
const ORDERS_OVER_TIME = 2_520;

interface Held {
  readonly refreshToken: string;
  readonly token: string;
}

let users = 0;

/** @returns what went differently from what the oracle says; `undefined` for nothing */
async function play(
  order: readonly string[],
  nodes: readonly RefreshNode[],
  letGraceEnd: () => Promise<void>,
): Promise<{ wrong: string | undefined; reused: boolean; changed: boolean; refreshed: number }> {
  const userId = `user-${users++}`;
  const node = (i: number): RefreshNode => nodes[i % nodes.length] as RefreshNode;
  const first = await node(0).sessions.create(userId);
  const oracle = new Family();
  /** Every pair that anybody got, by what the oracle calls it: one name, one pair. */
  const issued = new Map<string, Held>();
  const wrong: string[] = [];
  const keep = (name: string, pair: Held): void => {
    const known = issued.get(name) ?? pair;
    issued.set(name, known);
    if (known.token !== pair.token || known.refreshToken !== pair.refreshToken) {
      wrong.push(`two pairs ${name}`);
    }
  };
  keep('0.0', toHeld(first));
  const latest: Record<string, string> = { owner: '0.0', tab: '0.0', thief: '0.0' };
  let change: (() => Promise<void>) | undefined;
  let refreshed = 0;
  let changed = false;

  for (const [i, step] of order.entries()) {
    const { sessions, users: states } = node(i);
    if (step === 'logout') {
      await sessions.revoke(userId, first.session.id, 'logout');
      oracle.end();
    } else if (step === 'block') {
      await states.block(userId, { reason: 'spam' });
      oracle.block();
    } else if (step === 'graceEnds') {
      await letGraceEnd();
      oracle.endGrace();
    } else if (step === 'change' && !change) {
      const access = latest['owner'] as string;
      const decision = await sessions.decide(issued.get(access)?.token);
      if (decision.permit !== oracle.accepts(access)) wrong.push(`check of ${access}`);
      // A request is served by one node to its end; one that was refused goes no further.
      change = async () => {
        if (!decision.permit) return;
        const answer = await outcomeOf(sessions.replaceToken(decision.session));
        const expected = oracle.replace(access);
        if ('code' in answer !== (expected === undefined)) wrong.push(`change with ${access}`);
        if ('code' in answer || expected === undefined) return;
        keep(expected, answer);
        latest['owner'] = expected;
        changed = true;
      };
    } else if (step === 'change') {
      await change?.();
    } else {
      const name = latest[step] as string;
      const answer = await outcomeOf(sessions.refresh(issued.get(name)?.refreshToken));
      const expected = oracle.present(name);
      if ('code' in answer) {
        if (answer.code !== expected) wrong.push(`${step} with ${name}: ${answer.code}, not ${expected}`);
      } else if (expected.includes('.')) {
        keep(expected, answer);
        latest[step] = expected;
        refreshed++;
      } else {
        wrong.push(`${step} with ${name} was served, not ${expected}`);
      }
    }
  }
  await node(0).users.unblock(userId); // which brings nothing back
  oracle.unblock();
  for (const [name, { token }] of issued) {
    const { permit } = await node(1).sessions.decide(token);
    if (permit !== oracle.accepts(name)) wrong.push(`at the end, the access token ${name}`);
  }
  const listed = (await node(1).sessions.list(userId)).length;
  if (listed !== (oracle.isAlive ? 1 : 0)) wrong.push('the list');
  const report = wrong.length > 0 ? `${order.join(' ')}: ${wrong.join('; ')}` : undefined;
  return { wrong: report, reused: oracle.wasReused, changed, refreshed };
}

function toHeld({ token, refreshToken = '' }: { token: string; refreshToken?: string }): Held {
  return { token, refreshToken };
}

async function outcomeOf(
  attempt: Promise<{ token: string; refreshToken?: string }>,
): Promise<Held | { code: string }> {
  try {
    return toHeld(await attempt);
  } catch (error) {
    if (error instanceof SessionError) return { code: error.code };
    throw error;
  }
}

let server: RedisServer;
let nodes: RefreshNode[] = [];
afterEach(() => Promise.all(nodes.map((node) => node.close())));
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

// On Redis every seventh order: the rules are the same script in each, and its atomicity is Redis's own.
describe.each([
  ['memory', 1],
  ['redis', 7],
] as const)('refresh tokens, on %s', (storage, stride) => {
  it(`do as the oracle says in ${ORDERS / stride} orders of owner, tab, thief, logout, block and password change`, async () => {
    nodes = storage === 'memory' ? await memoryNodes() : await redisNodes(server.url);
    const played = { orders: 0, reused: 0, changed: 0, refreshed: 0 };
    let found = 0;
    for (const order of everyOrder(STEPS)) {
      if (found++ % stride > 0) continue;
      const result = await play(order, nodes, () => Promise.resolve());
      if (result.wrong !== undefined) throw new Error(result.wrong);
      played.orders++;
      played.refreshed += result.refreshed;
      if (result.reused) played.reused++;
      if (result.changed) played.changed++;
    }
    expect(found).toBe(ORDERS);
    expect(played.orders).toBe(ORDERS / stride);
    // All of it happened, in one order or another.
    expect(played.reused).toBeGreaterThan(played.orders / 50);
    expect(played.changed).toBeGreaterThan(played.orders / 50);
    expect(played.refreshed).toBeGreaterThan(played.orders / 2);
  }, 240_000);

  it('do so over the end of the grace, too', async () => {
    const clock = new FakeClock();
    const graceMs = storage === 'memory' ? 10_000 : 150;
    nodes =
      storage === 'memory' ? await memoryNodes({ clock }) : await redisNodes(server.url, { grace: graceMs });
    const letGraceEnd = async () => (storage === 'memory' ? clock.advance(graceMs) : sleep(graceMs + 2));
    // In Redis the grace passes by itself: a step that comes too late for it is no fault, so few are played, at once.
    const orders = [...everyOrder(STEPS_OVER_TIME)].filter((_, i) => storage === 'memory' || i % 63 === 0);
    let reused = 0;
    for (const order of orders) {
      let result = await play(order, nodes, letGraceEnd);
      for (let again = 0; result.wrong !== undefined && storage === 'redis' && again < 3; again++)
        result = await play(order, nodes, letGraceEnd);
      if (result.wrong !== undefined) throw new Error(result.wrong);
      if (result.reused) reused++;
    }
    expect(orders).toHaveLength(storage === 'memory' ? ORDERS_OVER_TIME : ORDERS_OVER_TIME / 63);
    expect(reused).toBeGreaterThan(orders.length / 20);
  }, 120_000);
});

// Over 250 lines: a table, a row a fault.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../../support/redis-server.js';
import type { FaultNode } from './fault-apps.js';
import type { FaultWindow } from './history.js';
import type { Load } from './load.js';
import type { Place, Topology } from './places.js';

/** What a fault is done to. */
export interface Bench {
  readonly place: Place;
  readonly nodes: readonly [FaultNode, FaultNode];
  readonly load: Load;
}

/** What a fault may do while it is there, and for a second after that. */
type Effects = Pick<FaultWindow, 'doors' | 'code' | 'refuses' | 'losesEvents'> & {
  /** Acts that were acknowledged from a second before the fault on may be undone. */
  readonly undoes?: 'undurable' | 'all';
};

export interface Fault {
  readonly name: string;
  readonly on: readonly Topology[];
  /** Where every test run plays it; elsewhere only `npm run soak` does. Default everywhere. */
  readonly inTests?: readonly Topology[];
  readonly effects: Effects;
  /** Whether requests must have been refused, or the fault was none. */
  readonly mustRefuse?: boolean;
  /** Does it. Resolves when it is over: whatever is refused a second later is refused wrongly. */
  readonly run: (bench: Bench) => Promise<unknown>;
  /** Brings back what the fault took away: until then, acts that must be durable are refused. */
  readonly mend?: (bench: Bench) => Promise<unknown>;
}

const ALL: readonly Topology[] = ['standalone', 'sentinel', 'cluster'];
const REPLICATED: readonly Topology[] = ['sentinel', 'cluster'];
/** Back within a second, once what the apps need is there. */
export const GRACE_MS = 1_000;

const healed = ({ place }: Bench) => place.healed();

export const FAULTS: readonly Fault[] = [
  {
    name: 'a network that adds 100 ms',
    on: ALL,
    inTests: ['standalone', 'cluster'],
    effects: { refuses: false },
    run: async ({ place }) => {
      for (const proxy of place.proxies) proxy.delayMs = 100;
      await sleep(1_500);
      for (const proxy of place.proxies) proxy.delayMs = 0;
    },
  },
  {
    name: 'every connection is cut, for 300 ms',
    on: ALL,
    inTests: ['standalone'],
    effects: { losesEvents: true },
    mustRefuse: true,
    run: async ({ place }) => {
      for (const proxy of place.proxies) proxy.cut();
      await sleep(300);
      for (const proxy of place.proxies) await proxy.heal();
    },
  },
  {
    name: 'a network that swallows all, for a second',
    on: ALL,
    inTests: ['standalone'],
    effects: { losesEvents: true },
    mustRefuse: true,
    run: async ({ place }) => {
      for (const proxy of place.proxies) proxy.blackhole();
      await sleep(1_000);
      for (const proxy of place.proxies) await proxy.heal();
    },
  },
  {
    name: 'connections for events are killed, again and again',
    on: ALL,
    inTests: ['standalone'],
    effects: { losesEvents: true, refuses: false },
    run: async ({ place }) => {
      for (let i = 0; i < 10; i++, await sleep(100)) {
        await onAll(place, (client) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
      }
    },
  },
  {
    name: 'an app process that stands still, for 2 s',
    on: ALL,
    inTests: ['standalone'],
    effects: {},
    run: async ({ nodes: [, node] }) => {
      node.freeze();
      await sleep(2_000);
      node.thaw();
    },
  },
  {
    name: 'a primary that stands still, for 700 ms',
    on: ALL,
    inTests: ['standalone'],
    effects: { losesEvents: true },
    mustRefuse: true,
    run: async ({ place }) => {
      const primary = await place.primary();
      primary.freeze();
      await sleep(700);
      primary.thaw();
    },
  },
  {
    name: 'a primary that is killed',
    on: ALL,
    effects: { losesEvents: true, undoes: 'undurable' },
    mustRefuse: true,
    run: killPrimary,
    mend: async (bench) => {
      for (const server of bench.place.servers) if (server.pid === undefined) await server.restart();
      await healed(bench);
    },
  },
  {
    name: 'a primary that stands still until it is replaced, and goes on',
    on: REPLICATED,
    effects: { losesEvents: true, undoes: 'undurable' },
    mustRefuse: true,
    run: async ({ place }) => {
      const primary = await place.primary();
      primary.freeze();
      await place.replaced(primary);
      await sleep(500);
      primary.thaw();
    },
    mend: healed,
  },
  {
    name: 'a planned failover',
    on: REPLICATED,
    effects: { undoes: 'undurable' },
    run: ({ place }) => place.failover?.() ?? Promise.resolve(),
    mend: healed,
  },
  {
    name: 'a split brain, with min-replicas-to-write 1',
    on: ['sentinel'],
    effects: { losesEvents: true, undoes: 'undurable' },
    mustRefuse: true,
    run: async (bench) => {
      const { place } = bench;
      const primary = await place.primary();
      await setOnAll(place, { 'min-replicas-to-write': '1', 'min-replicas-max-lag': '1' });
      await place.isolate?.(primary);
      await place.replaced(primary);
      await sleep(500);
      await place.unite?.(primary);
      await healed(bench);
    },
    mend: ({ place }) => setOnAll(place, { 'min-replicas-to-write': '0', 'min-replicas-max-lag': '10' }),
  },
  {
    name: 'a replica that stands still, with min-replicas-to-write for all',
    on: REPLICATED,
    inTests: ['sentinel'],
    effects: { losesEvents: true },
    mustRefuse: true,
    run: async ({ place }) => {
      const primary = await place.primary();
      const [replica] = await place.replicasOf(primary);
      const settings = { 'min-replicas-to-write': String(place.replicas), 'min-replicas-max-lag': '1' };
      await setOn(primary, settings);
      replica?.freeze();
      await sleep(3_000);
      replica?.thaw();
      await place.healed();
      await setOn(primary, { 'min-replicas-to-write': '0', 'min-replicas-max-lag': '10' });
    },
  },
  {
    name: 'slots that move, one of them only by half',
    on: ['cluster'],
    effects: { refuses: false },
    run: moveSlots,
  },
  {
    name: 'a full Redis',
    on: ALL,
    inTests: ['standalone'],
    effects: { doors: ['login'] },
    mustRefuse: true,
    run: async ({ place }) => {
      await setOnAll(place, { maxmemory: '1' });
      await sleep(1_500);
      await setOnAll(place, { maxmemory: '0' });
    },
  },
  {
    name: 'FLUSHALL, with a directory',
    on: ['standalone'],
    effects: { code: 'user_unknown' },
    run: async ({ place, load }) => {
      const from = performance.now();
      await onAll(place, (client) => client.flushall());
      load.forget(from, performance.now());
      await load.restoreList();
    },
  },
  {
    // What holds today: an older copy of the data is believed.
    name: 'a restart from a copy of a second ago',
    on: ['standalone'],
    effects: { losesEvents: true, undoes: 'all' },
    mustRefuse: true,
    run: async ({ place, load }) => {
      const goBack = await place.snapshot?.();
      await sleep(1_000);
      await goBack?.();
      await load.restoreList();
    },
  },
];

async function killPrimary({ place }: Bench): Promise<void> {
  const primary = await place.primary();
  await primary.kill();
  await sleep(200);
  await place.replaced(primary);
}

type Client = ReturnType<RedisServer['client']>;

async function onAll({ servers }: Place, what: (client: Client) => Promise<unknown>): Promise<void> {
  await Promise.all(servers.map((server) => on(server, what)));
}

async function on<T>(server: RedisServer, what: (client: Client) => Promise<T>): Promise<T> {
  const client = server.client();
  try {
    return await what(client);
  } finally {
    client.disconnect();
  }
}

function setOn(server: RedisServer, settings: Record<string, string>): Promise<unknown> {
  return on(server, (client) =>
    client.config('SET', ...(Object.entries(settings).flat() as [string, string])),
  );
}

function setOnAll({ servers }: Place, settings: Record<string, string>): Promise<unknown> {
  return Promise.all(servers.map((server) => setOn(server, settings)));
}

/** Moves the slots of some users who are there at the moment to the next shard, under their feet. */
async function moveSlots({ place }: Bench): Promise<void> {
  const source = place.servers[1] as RedisServer;
  const target = place.servers[2] as RedisServer;
  const id = (server: RedisServer) => on(server, async (client) => String(await client.cluster('MYID')));
  const [sourceId, targetId] = [await id(source), await id(target)];
  const users = await on(source, (client) => client.keys('lk:*:user'));
  const slots = await on(source, (client) =>
    Promise.all(users.slice(-6).map((key) => client.cluster('KEYSLOT', key))),
  );
  for (const [i, slot] of [...new Set(slots)].entries()) {
    const say = (server: RedisServer, ...how: string[]) =>
      on(server, (client) => client.call('CLUSTER', 'SETSLOT', String(slot), ...how));
    await say(target, 'IMPORTING', sourceId);
    await say(source, 'MIGRATING', targetId);
    await sleep(150);
    const keys = await on(source, (client) => client.cluster('GETKEYSINSLOT', Number(slot), 100));
    for (const key of keys) {
      await on(source, (client) =>
        client.call('MIGRATE', target.host, String(target.port), key, '0', '5000'),
      );
      await sleep(i === 0 ? 300 : 10);
    }
    await sleep(150);
    for (const server of [target, source]) await say(server, 'NODE', targetId);
  }
}

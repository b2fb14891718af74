import { setTimeout as sleep } from 'node:timers/promises';
import { type AppOptions, type FaultNode, startApps } from './fault-apps.js';
import { type Fault, GRACE_MS } from './fault-table.js';
import { Directory } from './directory.js';
import { type Act, type FaultWindow, judge, type Verdict } from './history.js';
import { Load, type LoadOptions } from './load.js';
import { type Place, PLACES, type Topology } from './places.js';

const QUIET_MS = 700;
/** A busy machine asks for less in a second, and goes on for longer. */
const REQUESTS = 300;
const ACTS = 60;
const LONGEST_MS = 10_000;
const TICK_MS = 50;
const EVERY_ACT = ['login', 'logout', 'block', 'revokeAll', 'demote', 'promote'];

export interface Played {
  readonly verdict: Verdict;
  readonly faultMs: number;
  readonly acts: readonly Act[];
  readonly faults: readonly FaultWindow[];
}

/** By performance.now(). */
interface Times {
  readonly from: number;
  readonly overAt: number;
  readonly mendedAt: number;
  readonly slackMs: number;
  /** Whether there are other primaries than at first. */
  readonly isReplaced: boolean;
}

/** Servers, two app processes on them, and where roles and blocks are known besides. */
export class Stage {
  private constructor(
    readonly place: Place,
    readonly nodes: readonly [FaultNode, FaultNode],
    private readonly directory: Directory | undefined,
  ) {}

  /**
   * @param options of the apps. Where there are replicas, acts are durable unless these say otherwise; elsewhere a directory
   * knows the users
   */
  static async open(topology: Topology, options: AppOptions = {}): Promise<Stage> {
    const place = await PLACES[topology]();
    const directory = place.replicas === 0 ? await Directory.start() : undefined;
    const ofTopology =
      place.replicas > 0 ? { replicas: place.replicas, durability: 'all-replicas' as const } : {};
    const nodes = await startApps(place, { ...ofTopology, ...options }, directory?.url);
    await place.healed();
    return new Stage(place, nodes, directory);
  }

  /** One fault under load, judged. @param slackMs what a busy machine may add to a wait */
  async play(fault: Fault, load: Partial<LoadOptions> = {}, slackMs = 0): Promise<Played> {
    const { place, nodes, directory } = this;
    const clients = place.servers.map((server) => server.client({ enableOfflineQueue: false }));
    const judged = new Load({
      nodes,
      pings: clients.map((client) => () => client.ping()),
      isDurable: place.replicas > 0,
      ...(directory && { directory }),
      ...load,
    });
    try {
      await judged.start();
      await sleep(QUIET_MS + Math.random() * QUIET_MS);
      // Redis knows every script by then: the first call of one is sent twice, which takes two of a slow network's delays.
      const areKnown = () => EVERY_ACT.every((act) => judged.acts.some(({ kind }) => kind === act));
      for (const until = performance.now() + LONGEST_MS; !areKnown() && performance.now() < until;)
        await sleep(TICK_MS);
      const bench = { place, nodes, load: judged };
      const before = await rolesOf(clients);
      const from = performance.now();
      await fault.run(bench);
      const overAt = performance.now();
      await fault.mend?.(bench);
      const mendedAt = performance.now();
      await sleep(GRACE_MS + QUIET_MS);
      const { requests, acts } = judged;
      const isEnough = () => requests.length >= REQUESTS && acts.length >= ACTS;
      while (!isEnough() && performance.now() < mendedAt + LONGEST_MS) await sleep(QUIET_MS);
      await judged.askEverybody();
      const ended = nodes.find(({ hasEnded }) => hasEnded);
      if (ended) throw new Error(`${ended.name} has ended:\n${ended.output.slice(-4_000)}`);
      const after = await rolesOf(clients);
      const isReplaced = before.some((role, i) => role && after[i] && role !== after[i]);
      return await this.judged(fault, judged, { from, overAt, mendedAt, slackMs, isReplaced });
    } finally {
      await judged.stop();
      for (const client of clients) client.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.directory?.stop();
    await this.place.stop();
  }

  private async judged(fault: Fault, load: Load, times: Times): Promise<Played> {
    await load.stop();
    const { from, overAt, mendedAt, slackMs, isReplaced } = times;
    const graceMs = GRACE_MS + slackMs;
    const { undoes, ...effects } = fault.effects;
    const { name } = fault;
    // Servers that wait for a busy machine are replaced, too: it is a fault of its own.
    const failover = isReplaced && undoes === undefined;
    if (failover) console.log(`${name}: a primary was replaced meanwhile`);
    const lossy = undoes && { undoes: { from: from - graceMs, which: undoes } };
    const faults: FaultWindow[] = [
      { name, from, to: overAt + graceMs, ...effects, ...lossy },
      { name: `${name}, until it is mended`, from, to: mendedAt + graceMs, code: 'not_durable' },
      ...(failover
        ? [
            {
              name: 'a failover that nobody asked for',
              from: from - graceMs,
              to: performance.now(),
              losesEvents: true,
              undoes: { from: from - graceMs, which: 'undurable' as const },
            },
          ]
        : []),
      // Somebody who was made in the last moment may be lost with the rest.
      ...(lossy ? [{ name: `${name}, for good`, from, to: Infinity, code: 'user_unknown' }] : []),
    ];
    const { requests, acts, canaries } = load;
    return {
      verdict: judge({ requests, acts, canaries, faults, slackMs }),
      faultMs: overAt - from,
      acts,
      faults,
    };
  }
}

/** Whether each server is a primary or a replica; `undefined` where it does not say. */
async function rolesOf(
  clients: readonly { role(): Promise<unknown> }[],
): Promise<readonly (string | undefined)[]> {
  const roles = await Promise.all(clients.map((client) => client.role().catch(() => undefined)));
  return roles.map((role) => (Array.isArray(role) ? String(role[0]) : undefined));
}

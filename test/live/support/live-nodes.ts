import { setTimeout as sleep } from 'node:timers/promises';
import { SocketClient, bearer, StreamClient } from './clients.js';
import type { LiveNode } from './live-node.js';

/** What nodes are connected to, and how they are ended. */
interface Place {
  readonly nodes: readonly [acting: LiveNode, holding: LiveNode];
  readonly stop: () => Promise<unknown>;
}

/**
 * Two nodes for the tests of a file: on one of them things are done, and the other one holds connections. What a test
 * opens is closed after it.
 */
export function useNodes(open: () => Promise<Place>) {
  const closing: (() => unknown)[] = [];
  let place: Place | undefined;
  let names = 0;

  beforeAll(async () => void (place = await open()), 60_000);
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  afterAll(async () => {
    await Promise.all(place?.nodes.map((node) => node.stop()) ?? []);
    await place?.stop();
  }, 60_000);

  const node = (index: 0 | 1): LiveNode => {
    if (!place) throw new Error('The nodes are there once the tests run');
    return place.nodes[index];
  };

  return {
    get acting(): LiveNode {
      return node(0);
    },
    get holding(): LiveNode {
      return node(1);
    },

    /** Ends what a test has begun, after it. */
    finally(close: () => unknown): void {
      closing.push(close);
    },

    /** A new user with a session. */
    async user(...roles: string[]) {
      const userId = `user-${process.pid}-${(names += 1)}`;
      await node(0).users.ensure(userId, { roles });
      const { token, session } = await node(0).sessions.create(userId);
      return { userId, token, session };
    },

    async stream(at: { readonly url: string }, token: string | undefined, path?: string) {
      const one = await StreamClient.open(at.url, bearer(token), path);
      closing.push(() => one.close());
      await one.event('hello');
      return one;
    },

    async socket(at: { readonly url: string }, token: string | undefined, path?: string) {
      const one = await SocketClient.open(at.url, bearer(token), path);
      closing.push(() => one.close());
      return one;
    },
  };
}

/** Says `ping` until it is answered: after an outage, a node handles messages from its next heartbeat on. */
export async function answered(socket: SocketClient): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!socket.messages.some(({ event }) => event === 'pong')) {
    if (Date.now() > deadline) {
      const seen = JSON.stringify({ end: socket.end, last: socket.messages.slice(-3) });
      throw new Error(`The ping is not answered: ${seen}`);
    }
    socket.send('ping');
    await sleep(100);
  }
}

/** The value below which a share of all values lies. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

/** p50, p99 and the largest, for the log of a test run. */
export function figures(values: readonly number[]) {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: Math.max(...values) };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { redisClientOptions } from '@latchkey/session';
import { BUSY_MS } from '../../support/patience.js';
import { SentinelGroup, type SentinelGroupOptions } from '../../support/sentinel-group.js';
import { sessionsOn, type SessionsOn } from '../../support/sessions-on.js';

const EVERY_MS = 25;
const USERS = 500;

/** @returns starts servers and a node on them, which end with the test */
export function useGroups() {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  return async (groupOptions: SentinelGroupOptions, clientOptions = {}) => {
    const group = await SentinelGroup.start(groupOptions);
    closing.push(() => group.stop());
    const on = await sessionsOn({ ...redisClientOptions(), ...group.place, ...clientOptions });
    closing.push(() => on.close());
    return { group, on };
  };
}

/** A block, or (`sessionId`) a logout. */
interface Act {
  readonly userId: string;
  readonly sessionId?: string;
  /** After the failover was asked for, in ms. */
  readonly answeredAt: number;
  readonly isAcknowledged: boolean;
}

type Until = 'named' | 'serving';

/** @returns when a server that is not the first one is named or, unless that is enough, takes writes */
async function whenFollowed(group: SentinelGroup, until: Until): Promise<number> {
  for (;;) {
    const named = await group.primary();
    if (named !== group.servers[0]) {
      if (until === 'named') return performance.now();
      const client = named.client({ maxRetriesPerRequest: 0 });
      const isTaken = await client.set('probe', '1').catch(() => undefined);
      client.disconnect();
      if (isTaken) return performance.now();
    }
    await sleep(EVERY_MS);
  }
}

interface Acts {
  readonly acts: readonly Act[];
  /** When the new primary was named or took writes, in ms after the failover was asked for. */
  readonly servedAt: number;
}

/**
 * Blocks one user after the other and logs another one out, from a second before a planned failover on until so long after
 * the new primary is named or takes writes.
 */
export async function actThrough(
  group: SentinelGroup,
  on: SessionsOn,
  forMs: number,
  until: Until = 'serving',
): Promise<Acts> {
  const logins = new Map<string, string>();
  for (let i = 0; i < USERS; i++) {
    await on.users.ensure(`user-${i}`);
    await on.users.ensure(`other-${i}`);
    const { userId, id } = (await on.sessions.create(`other-${i}`)).session;
    logins.set(userId, id);
  }
  const toLogOut = logins[Symbol.iterator]();
  const acts: Act[] = [];
  const underWay: Promise<unknown>[] = [];
  const begunAt = performance.now() + 1_000;
  let failover: Promise<void> | undefined;
  let servedAt = Infinity;
  const failOver = async (): Promise<void> => {
    await group.failover();
    servedAt = await whenFollowed(group, until);
  };
  for (let i = 0; i < USERS && performance.now() < Math.max(begunAt, servedAt) + forMs; i++) {
    if (performance.now() >= begunAt) failover ??= failOver();
    const userId = `user-${i}`;
    const [otherId, sessionId] = toLogOut.next().value as [string, string];
    const note = (act: Pick<Act, 'userId' | 'sessionId'>, isAcknowledged: boolean) => () =>
      void acts.push({ ...act, answeredAt: performance.now() - begunAt, isAcknowledged });
    const [block, logout] = [{ userId }, { userId: otherId, sessionId }];
    underWay.push(
      on.users.block(userId, { reason: 'spam' }).then(note(block, true), note(block, false)),
      on.sessions.revoke(otherId, sessionId).then(note(logout, true), note(logout, false)),
    );
    await sleep(EVERY_MS);
  }
  await failover;
  await Promise.all(underWay);
  return { acts, servedAt: servedAt - begunAt };
}

export const isAcknowledged = (act: Act): boolean => act.isAcknowledged;

/** What Redis says, as soon as it can be asked: this is no part of what is tried. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  const until = performance.now() + BUSY_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(EVERY_MS);
    }
  }
}

/** Those that were acknowledged and hold no more: when they were answered. */
export async function undone(on: SessionsOn, acts: readonly Act[]): Promise<number[]> {
  const lost: number[] = [];
  for (const { userId, sessionId, answeredAt, isAcknowledged } of acts) {
    if (!isAcknowledged) continue;
    const holds = await asked(async () =>
      sessionId ? (await on.sessions.list(userId)).length === 0 : (await on.users.get(userId))?.block,
    );
    if (!holds) lost.push(answeredAt);
  }
  return lost;
}

/** So long acts were refused although the new primary took writes. */
export function refusedForMs({ acts, servedAt }: Acts): number {
  const times = acts.filter(({ isAcknowledged }) => !isAcknowledged).map(({ answeredAt }) => answeredAt);
  return Math.max(0, ...times.map((at) => at - servedAt));
}

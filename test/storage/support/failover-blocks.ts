import { setTimeout as sleep } from 'node:timers/promises';
import { redisClientOptions } from '@latchkey/session';
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

interface Block {
  readonly userId: string;
  /** After the failover was asked for, in ms. */
  readonly answeredAt: number;
  readonly isAcknowledged: boolean;
}

/** Blocks one user after the other, from a second before a planned failover on until so long after it. */
export async function blockThrough(group: SentinelGroup, on: SessionsOn, forMs: number): Promise<Block[]> {
  for (let i = 0; i < USERS; i++) await on.users.ensure(`user-${i}`);
  const blocks: Block[] = [];
  const underWay: Promise<unknown>[] = [];
  const begunAt = performance.now() + 1_000;
  let failover: Promise<void> | undefined;
  for (let i = 0; i < USERS && performance.now() < begunAt + forMs; i++) {
    if (performance.now() >= begunAt) failover ??= group.failover();
    const userId = `user-${i}`;
    const note = (isAcknowledged: boolean) => () =>
      void blocks.push({ userId, answeredAt: performance.now() - begunAt, isAcknowledged });
    underWay.push(on.users.block(userId, { reason: 'spam' }).then(note(true), note(false)));
    await sleep(EVERY_MS);
  }
  await failover;
  await Promise.all(underWay);
  return blocks;
}

export const isAcknowledged = (block: Block): boolean => block.isAcknowledged;

/** Those that were acknowledged and hold no more: when they were answered. */
export async function undone(on: SessionsOn, blocks: readonly Block[]): Promise<number[]> {
  const lost: number[] = [];
  for (const { userId, answeredAt, isAcknowledged } of blocks) {
    if (isAcknowledged && !(await on.users.get(userId))?.block) lost.push(answeredAt);
  }
  return lost;
}

/** From the first block that was refused to the last one. */
export function refusedForMs(blocks: readonly Block[]): number {
  const times = blocks.filter(({ isAcknowledged }) => !isAcknowledged).map(({ answeredAt }) => answeredAt);
  return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
}

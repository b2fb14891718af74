import { setTimeout as sleep } from 'node:timers/promises';
import type { RevocationReceipt } from '../../model/revocation-receipt.js';
import { userRefOf } from '../../token/session-token.js';
import type { ActRef, Confirmations, NodeRegistry } from '../../storage/contract/node-registry.js';

/** How long an act waits for the nodes to confirm it, in milliseconds. */
export const CONFIRMATION_WAIT_MS = 250;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 32;

/**
 * What the nodes with live connections say about an act that has been written: none of them, no wait, nor for one that
 * has been silent for some time. Whoever does not confirm is told so, and then checks again whatever it holds. Never
 * rejects, because the act holds already.
 */
export async function confirmationsOf(
  registry: NodeRegistry,
  act: ActRef,
): Promise<Pick<RevocationReceipt, 'connectionsClosed' | 'nodes'>> {
  const deadline = performance.now() + CONFIRMATION_WAIT_MS;
  let asked: Confirmations | undefined;
  let known: Confirmations | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    known = (await registry.confirmations(act).catch(() => undefined)) ?? known;
    asked ??= known; // a node that comes later reads the state after the act
    if (asked?.awaited.every((node) => known?.confirmed.has(node))) break;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) break;
    await sleep(Math.min(pauseMs, leftMs));
  }
  const expired = asked?.nodes.filter((node) => !known?.confirmed.has(node));
  for (const node of expired ?? []) void registry.reportMissed(node).catch(() => undefined);
  const closed = [...(known?.confirmed.values() ?? [])];
  return {
    connectionsClosed: closed.reduce((sum, count) => sum + count, 0),
    nodes: { confirmed: closed.length, expired: expired?.length ?? 1 },
  };
}

/** What an act against a user came to, when the nodes have confirmed it. @param startedAt by performance.now() */
export async function receiptOf(
  registry: NodeRegistry,
  { userId, version, epoch, sessions }: Pick<RevocationReceipt, 'userId' | 'version' | 'epoch' | 'sessions'>,
  startedAt: number,
): Promise<RevocationReceipt> {
  const confirmed = await confirmationsOf(registry, { userRef: userRefOf(userId), version });
  return { userId, version, epoch, sessions, ...confirmed, ms: performance.now() - startedAt };
}

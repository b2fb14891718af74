import { SessionError } from '../../model/session-error.js';
import { MemoryNodeRegistry } from '../../storage/memory/nodes.js';
import { confirmationsOf, CONFIRMATION_WAIT_MS } from './confirmations.js';

const ACT = { userRef: 'u', version: 7 };

async function timed<T>(promise: Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const startedAt = performance.now();
  return { result: await promise, ms: performance.now() - startedAt };
}

describe('the confirmations of an act', () => {
  it('are none, at once, where no node has connections', async () => {
    const { result, ms } = await timed(confirmationsOf(new MemoryNodeRegistry(), ACT));
    expect(result).toEqual({ connectionsClosed: 0, nodes: { confirmed: 0, expired: 0 } });
    expect(ms).toBeLessThan(50);
  });

  it('are complete as soon as the last node has confirmed', async () => {
    const registry = new MemoryNodeRegistry();
    await registry.register('a');
    await registry.register('b');
    await registry.confirm('a', ACT, 2);
    await registry.confirm('a', { ...ACT, version: 6 }, 9); // another act
    setTimeout(() => void registry.confirm('b', ACT, 3), 20);
    const { result, ms } = await timed(confirmationsOf(registry, ACT));
    expect(result).toEqual({ connectionsClosed: 5, nodes: { confirmed: 2, expired: 0 } });
    expect(ms).toBeLessThan(CONFIRMATION_WAIT_MS);
  });

  it('are not waited for any longer than a bounded time', async () => {
    const registry = new MemoryNodeRegistry();
    await registry.register('a');
    await registry.register('dead');
    await registry.confirm('a', ACT, 1);
    const { result, ms } = await timed(confirmationsOf(registry, ACT));
    expect(result).toEqual({ connectionsClosed: 1, nodes: { confirmed: 1, expired: 1 } });
    expect(ms).toBeGreaterThan(CONFIRMATION_WAIT_MS - 5);
    expect(ms).toBeLessThan(CONFIRMATION_WAIT_MS + 100);
  });

  it('are not waited for from a node that has been silent for some time, and it is told as expired', async () => {
    const registry = new MemoryNodeRegistry();
    for (const node of ['a', 'dead']) await registry.register(node);
    await registry.confirm('a', ACT, 1);
    const everybody = await registry.confirmations(ACT);
    registry.confirmations = async () => ({ ...everybody, awaited: ['a'] });
    const { result, ms } = await timed(confirmationsOf(registry, ACT));
    expect(result).toEqual({ connectionsClosed: 1, nodes: { confirmed: 1, expired: 1 } });
    expect(ms).toBeLessThan(50);
  });

  it('that do not come are told to the nodes that owe them, and to no other', async () => {
    const registry = new MemoryNodeRegistry();
    for (const node of ['a', 'deaf']) expect(await registry.register(node)).toBe(true);
    await registry.confirm('a', ACT, 1);
    await confirmationsOf(registry, ACT);
    expect(await registry.register('a')).toBe(false);
    expect(await registry.register('deaf')).toBe(true);
    expect(await registry.register('deaf')).toBe(false); // told once
  });

  it('that cannot be read count as one node that did not confirm, and fail nothing', async () => {
    const registry = new MemoryNodeRegistry();
    registry.confirmations = async () => {
      throw new SessionError('session_store_unavailable');
    };
    expect(await confirmationsOf(registry, ACT)).toEqual({
      connectionsClosed: 0,
      nodes: { confirmed: 0, expired: 1 },
    });
  });
});

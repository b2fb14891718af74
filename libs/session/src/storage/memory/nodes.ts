import type { SessionEvent } from '../../model/session-event.js';
import type { ChannelListener, EventChannel } from '../contract/event-channel.js';
import type { ActRef, Confirmations, NodeRegistry } from '../contract/node-registry.js';

/** Acts that are remembered: receipts look at the last few only. */
const MAX_ACTS = 1_000;

/** The nodes of one process: itself, while it has live connections. */
export class MemoryNodeRegistry implements NodeRegistry {
  private readonly nodes = new Set<string>();
  private readonly missed = new Set<string>();
  private readonly acts = new Map<string, Map<string, number>>();

  async register(nodeId: string): Promise<boolean> {
    const isNew = !this.nodes.has(nodeId);
    this.nodes.add(nodeId);
    return this.missed.delete(nodeId) || isNew;
  }

  async remove(nodeId: string): Promise<void> {
    this.nodes.delete(nodeId);
  }

  async confirm(nodeId: string, act: ActRef, connectionsClosed: number): Promise<void> {
    const confirmed = this.acts.get(nameOf(act)) ?? new Map<string, number>();
    confirmed.set(nodeId, (confirmed.get(nodeId) ?? 0) + connectionsClosed);
    this.acts.set(nameOf(act), confirmed);
    const [oldest] = this.acts.keys();
    if (this.acts.size > MAX_ACTS && oldest !== undefined) this.acts.delete(oldest);
  }

  async reportMissed(nodeId: string): Promise<void> {
    this.missed.add(nodeId);
  }

  async confirmations(act: ActRef): Promise<Confirmations> {
    const nodes = [...this.nodes];
    return { nodes, awaited: nodes, confirmed: new Map(this.acts.get(nameOf(act))) };
  }
}

function nameOf({ userRef, version }: ActRef): string {
  return `${userRef} ${version}`;
}

/** Events within one process: nothing is ever lost. */
export class MemoryEventChannel implements EventChannel {
  readonly isHearing = true;
  private readonly listeners = new Set<ChannelListener>();

  /** Tells the listeners, but not before the write that announces it has returned. */
  announce(event: SessionEvent): void {
    queueMicrotask(() => {
      for (const listener of this.listeners) listener.onEvent(event);
    });
  }

  async listen(listener: ChannelListener): Promise<void> {
    this.listeners.add(listener);
  }

  unlisten(listener: ChannelListener): void {
    this.listeners.delete(listener);
  }
}

import type { NodeScripts } from '../../redis/scripts/nodes.js';
import {
  NODE_AWAITED_MS,
  NODE_TERM_MS,
  type ActRef,
  type Confirmations,
  type NodeRegistry,
} from '../contract/node-registry.js';

/** The nodes that share a Redis, by its clock. */
export class RedisNodeRegistry implements NodeRegistry {
  constructor(private readonly scripts: NodeScripts) {}

  register(nodeId: string): Promise<boolean> {
    return this.scripts.register(nodeId, NODE_TERM_MS);
  }

  remove(nodeId: string): Promise<void> {
    return this.scripts.remove(nodeId);
  }

  confirm(nodeId: string, act: ActRef, connectionsClosed: number): Promise<void> {
    return this.scripts.confirm(nodeId, act, connectionsClosed);
  }

  reportMissed(nodeId: string): Promise<void> {
    return this.scripts.reportMissed(nodeId, NODE_TERM_MS);
  }

  confirmations(act: ActRef): Promise<Confirmations> {
    return this.scripts.confirmations(act, NODE_TERM_MS - NODE_AWAITED_MS);
  }
}

import type { PostDto } from '../posts/post.dto.js';
import { RareWarning } from '../untrusted/rare-warning.js';

/** What everybody who is connected is told at once, on every node. */
export type Broadcast =
  | { readonly name: 'post'; readonly data: PostDto }
  | { readonly name: 'announcement'; readonly data: { readonly text: string; readonly by: string } };

/** Carries broadcasts between the nodes. Who is not connected at the moment reads them later, from where they are kept. */
export abstract class Timeline {
  private readonly listeners = new Set<(broadcast: Broadcast) => void>();
  private readonly warning = new RareWarning('Timeline');

  /** Tells everybody. Never rejects: what is told is stored already. */
  abstract publish(broadcast: Broadcast): Promise<void>;

  /** @returns what ends it */
  subscribe(listener: (broadcast: Broadcast) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  protected tell(broadcast: Broadcast): void {
    for (const listener of this.listeners) {
      try {
        listener(broadcast);
      } catch (error) {
        this.warning.say(`Somebody missed a broadcast: ${String(error)}`); // the others are told all the same
      }
    }
  }
}

/** For one process. */
export class MemoryTimeline extends Timeline {
  async publish(broadcast: Broadcast): Promise<void> {
    this.tell(broadcast);
  }
}

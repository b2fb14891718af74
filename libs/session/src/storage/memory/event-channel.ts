import type { SessionEvent } from '../../model/session-event.js';
import type { ChannelListener, EventChannel } from '../contract/event-channel.js';

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

import type { SessionEvent } from '../../model/session-event.js';

/** Somebody who wants to know what is done to users. None of the methods may throw. */
export interface ChannelListener {
  onEvent(event: SessionEvent): void;
  /** Somebody has acted on a user, or changed a list, and waits for what these near caches, by their names, keep of it. */
  onRecall?(subject: string, holders: readonly string[]): void;
  /** From now on events may be missed. */
  onLost?(): void;
  /** Events are heard again; those from between are gone. */
  onBack?(): void;
}

/**
 * Carries what writes announce to every node, this one included. It only makes things fast: an event may be lost, and
 * whoever must not miss one asks the repository.
 */
export interface EventChannel {
  /** Whether events are heard at this moment, as far as is known. */
  readonly isHearing: boolean;
  /** Adds a listener. Resolves when events are heard, or after a bounded time when they cannot be yet. */
  listen(listener: ChannelListener): Promise<void>;
  unlisten(listener: ChannelListener): void;
}

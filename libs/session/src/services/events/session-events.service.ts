import { Inject, Injectable, Logger } from '@nestjs/common';
import { callable, oneOf } from '../../basics/inputs.js';
import { SESSION_EVENT_NAMES, type SessionEvent, type SessionEventName } from '../../model/session-event.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { isGuestId } from '../../token/session-token.js';
import { SESSION_REPOSITORY } from '../../options/injection-keys.js';

/** What `SessionEvents.on()` calls with each event. @publicApi */
export type SessionEventListener<Name extends SessionEventName = SessionEventName> = (
  event: SessionEvent<Name>,
) => unknown;

/** What Nest's `EventEmitter2` and Node's `EventEmitter` have in common. @publicApi */
export interface EventEmitterLike {
  emit(name: string, event: SessionEvent): unknown;
}

const eventName = oneOf(...SESSION_EVENT_NAMES);

/**
 * What is done to users and their sessions, on every node and told on every node: logins, revocations, blocks, changes
 * of roles. For whatever follows from them, never for deciding: while Redis cannot be reached, events are lost. Nothing
 * is listened for, and no connection opened, before the first `on`. Of guests, who are no users, nothing is told.
 * @example
 * ```ts
 * await events.on('refresh.reused', ({ userId, devices }) => {
 *   console.warn(`a refresh token of ${userId} was used twice`, devices);
 * });
 * ```
 * @publicApi
 */
@Injectable()
export class SessionEvents {
  private readonly logger = new Logger('SessionModule');
  private readonly listeners = new Map<SessionEventName, Set<SessionEventListener>>();
  private listening: Promise<void> | undefined;

  /** @internal */
  constructor(@Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository) {}

  /**
   * Calls the listener with every such event from now on. What it throws is logged.
   * @returns when events are heard, or after half a second while Redis cannot be reached
   * @throws TypeError for a name that no event has, or a listener that is no function
   */
  async on<Name extends SessionEventName>(name: Name, listener: SessionEventListener<Name>): Promise<void> {
    eventName(name, 'name');
    callable(listener, 'listener');
    const listeners = this.listeners.get(name) ?? new Set<SessionEventListener>();
    this.listeners.set(name, listeners.add(listener as SessionEventListener));
    await (this.listening ??= this.repository.events.listen({ onEvent: (event) => this.tell(event) }));
  }

  /**
   * Calls that listener no more.
   * @throws TypeError as `on` does
   */
  off<Name extends SessionEventName>(name: Name, listener: SessionEventListener<Name>): void {
    eventName(name, 'name');
    callable(listener, 'listener');
    this.listeners.get(name)?.delete(listener as SessionEventListener);
  }

  /**
   * Emits every event under its own name, such as `user.blocked`, by Nest's `EventEmitter2` or one like it.
   * @throws TypeError for what has no method `emit`
   */
  async forwardTo(emitter: EventEmitterLike): Promise<void> {
    const emit = (emitter as Partial<EventEmitterLike> | null | undefined)?.emit;
    callable(emit, 'emitter.emit');
    await Promise.all(SESSION_EVENT_NAMES.map((name) => this.on(name, (event) => emitter.emit(name, event))));
  }

  private tell(event: SessionEvent): void {
    if ('userId' in event && isGuestId(event.userId)) return;
    for (const listener of this.listeners.get(event.name) ?? []) void this.call(listener, event);
  }

  private async call(listener: SessionEventListener, event: SessionEvent): Promise<void> {
    try {
      await listener(event);
    } catch (error) {
      this.logger.error(error);
    }
  }
}

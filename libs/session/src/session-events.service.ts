import { Inject, Injectable, Logger } from '@nestjs/common';
import { SessionConfigurationError } from './model/session-error.js';
import { SESSION_EVENT_NAMES, type SessionEvent, type SessionEventName } from './model/session-event.js';
import type { SessionRepository } from './repository/session-repository.js';
import { SESSION_REPOSITORY } from './session.injection-keys.js';

/** @publicApi */
export type SessionEventListener<Name extends SessionEventName = SessionEventName> = (
  event: SessionEvent<Name>,
) => unknown;

/** What Nest's `EventEmitter2` and Node's `EventEmitter` have in common. @publicApi */
export interface EventEmitterLike {
  emit(name: string, event: SessionEvent): unknown;
}

/**
 * What is done to users and their sessions, on every node and told on every node: logins, revocations, blocks, changes
 * of roles. For whatever follows from them, never for deciding: while Redis cannot be reached, events are lost. Nothing
 * is listened for, and no connection opened, before the first `on`.
 * @publicApi
 */
@Injectable()
export class SessionEvents {
  private readonly logger = new Logger('SessionModule');
  private readonly listeners = new Map<SessionEventName, Set<SessionEventListener>>();
  private listening: Promise<void> | undefined;

  constructor(@Inject(SESSION_REPOSITORY) private readonly repository: SessionRepository) {}

  /**
   * Calls the listener with every such event from now on. What it throws is logged.
   * @returns when events are heard, or after half a second while Redis cannot be reached
   * @throws SessionConfigurationError at once, not as a rejection, for a name that no event has, or a listener that is no function
   */
  on<Name extends SessionEventName>(name: Name, listener: SessionEventListener<Name>): Promise<void> {
    assertKnown(name, listener);
    const listeners = this.listeners.get(name) ?? new Set<SessionEventListener>();
    this.listeners.set(name, listeners.add(listener as SessionEventListener));
    this.listening ??= this.repository.events.listen({ onEvent: (event) => this.tell(event) });
    return this.listening;
  }

  /**
   * Calls that listener no more.
   * @throws SessionConfigurationError as `on` does
   */
  off<Name extends SessionEventName>(name: Name, listener: SessionEventListener<Name>): void {
    assertKnown(name, listener);
    this.listeners.get(name)?.delete(listener as SessionEventListener);
  }

  /**
   * Emits every event under its own name, such as `user.blocked`, by Nest's `EventEmitter2` or one like it.
   * @throws SessionConfigurationError for what has no method `emit`
   */
  async forwardTo(emitter: EventEmitterLike): Promise<void> {
    if (typeof (emitter as Partial<EventEmitterLike> | undefined)?.emit !== 'function')
      throw new SessionConfigurationError(
        'SessionEvents',
        'can only forward to an object with a method emit()',
      );
    await Promise.all(SESSION_EVENT_NAMES.map((name) => this.on(name, (event) => emitter.emit(name, event))));
  }

  private tell(event: SessionEvent): void {
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

function assertKnown(name: unknown, listener: unknown): void {
  if (!SESSION_EVENT_NAMES.some((known) => known === name)) {
    const given = typeof name === 'string' ? `'${name}'` : `(a ${typeof name})`;
    throw new SessionConfigurationError(
      'SessionEvents',
      `know no event ${given}: there are ${SESSION_EVENT_NAMES.join(', ')}`,
    );
  }
  if (typeof listener !== 'function') {
    throw new SessionConfigurationError(
      'SessionEvents',
      `need a function as the listener of ${String(name)}, not a ${typeof listener}`,
    );
  }
}

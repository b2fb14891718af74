import type { ExecutionContext, INestApplication, INestApplicationContext } from '@nestjs/common';
import { messageCheckOf, PlacedGuard } from '../guard/calls/message-check.js';
import { CONTEXTS } from '../handlers/contexts.js';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';

/** Stands before every handler of every gateway: what is checked is what runs. */
export class MessageGuard extends PlacedGuard {
  constructor(private readonly adapter: string) {
    super();
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType<string>() !== CONTEXTS.websocket.type) return true;
    const check = messageCheckOf(context);
    if (!check)
      throw new SessionError('forbidden', { detail: `The message did not come through ${this.adapter}` });
    return check.pass(context).then(() => true);
  }
}

/**
 * Puts the guard before every handler.
 * @throws SessionConfigurationError for anything but an app
 */
export function placeMessageGuard(app: INestApplicationContext, adapter: string): void {
  const { useGlobalGuards } = app as Partial<INestApplication>;
  if (!useGlobalGuards) throw new SessionConfigurationError(adapter, `takes the app: new ${adapter}(app)`);
  useGlobalGuards.call(app, new MessageGuard(adapter));
}

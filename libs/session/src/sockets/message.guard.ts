import type { ExecutionContext } from '@nestjs/common';
import { messageCheckOf, PlacedGuard } from '../guard/message-check.js';
import { CONTEXTS } from '../handlers/contexts.js';
import { SessionError } from '../model/session-error.js';

/** Stands before every handler of every gateway: what is checked is what runs. */
export class MessageGuard extends PlacedGuard {
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType<string>() !== CONTEXTS.websocket.type) return true;
    const check = messageCheckOf(context);
    if (!check)
      throw new SessionError('forbidden', { detail: 'The message did not come through SessionWsAdapter' });
    return check.pass(context).then(() => true);
  }
}

import type { ExecutionContext, INestApplication, INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { messageCheckOf, PlacedGuard } from '../guard/calls/message-check.js';
import { CONTEXTS } from '../handlers/contexts.js';
import { GATEWAY, GUARDS, guardsOn } from '../handlers/nest-metadata.js';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';

/** Stands before every handler of every gateway: what is checked is what runs. */
export class MessageGuard extends PlacedGuard {
  /** @param adapter absent: leaves alone what came by another adapter */
  constructor(private readonly adapter?: string) {
    super();
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType<string>() !== CONTEXTS.websocket.type) return true;
    const check = messageCheckOf(context);
    if (check) return check.pass(context).then(() => true);
    if (this.adapter === undefined) return true;
    throw new SessionError('forbidden', { detail: `The message did not come through ${this.adapter}` });
  }
}

/** On the classes themselves, which other apps of this process may have with another adapter. */
const onClasses = new MessageGuard();

/**
 * Puts the guard before every handler: before all of them, and on each gateway besides, because Nest 11 has global guards
 * for HTTP only.
 * @throws SessionConfigurationError for anything but an app
 */
export function placeMessageGuard(app: INestApplicationContext, adapter: string): void {
  const { useGlobalGuards } = app as Partial<INestApplication>;
  if (!useGlobalGuards) throw new SessionConfigurationError(adapter, `takes the app: new ${adapter}(app)`);
  useGlobalGuards.call(app, new MessageGuard(adapter));
  for (const { controllers, providers } of app.get(ModulesContainer).values()) {
    for (const { metatype } of [...controllers.values(), ...providers.values()]) {
      if (typeof metatype !== 'function' || Reflect.getMetadata(GATEWAY, metatype) !== true) continue;
      const guards = guardsOn(metatype);
      if (!guards.includes(onClasses)) Reflect.defineMetadata(GUARDS, [onClasses, ...guards], metatype);
    }
  }
}

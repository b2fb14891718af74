import type { CanActivate } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { SessionSettings } from '../session.settings.js';
import { enforcesAccess, enforcesScopes } from './decorators.js';
import type { Handler } from './policy-manifest-handlers.js';
import { NO_GUARD, SessionGuard } from './session.guard.js';

// Nest's own; where it can be imported from differs between its versions.
const GUARDS_METADATA = '__guards__';

type Guard = Function | CanActivate;

/** Which guards stand before a handler. */
export interface GuardsThere {
  /** One of them is ours, extends it, or says with `@EnforcesAccess()` that it does as much. */
  readonly areEnforcing: boolean;
  /** One of them lets services in, by their tokens alone. */
  readonly areForServices: boolean;
  /** The names of those that are not ours, in the order in which they run. */
  readonly others: readonly string[];
}

export function guardsOf(
  found: Pick<Handler, 'kind' | 'handler' | 'class'>,
  config: ApplicationConfig,
  settings: Pick<SessionSettings, 'guardGlobally'>,
): GuardsThere {
  const guards = [
    ...config.getGlobalGuards().filter((guard) => guard !== NO_GUARD),
    // Guards that are made anew for each request; on WebSocket Nest leaves the global ones among them out.
    ...(found.kind === 'websocket' ? [] : config.getGlobalRequestGuards().map(({ metatype }) => metatype)),
    ...guardsOn(found.class),
    ...guardsOn(found.handler),
  ].filter((guard): guard is Guard => guard !== null && guard !== undefined);
  return {
    // By the option, because an app's tests may have put something else in the global guard's place.
    areEnforcing:
      settings.guardGlobally || guards.some((guard) => isOurs(guard) || enforcesAccess(classOf(guard))),
    areForServices: guards.some((guard) => enforcesScopes(classOf(guard))),
    others: guards
      .filter((guard) => !isOurs(guard) && !enforcesScopes(classOf(guard)))
      .map((guard) => classOf(guard).name || '(anonymous)'),
  };
}

function guardsOn(target: Function): Guard[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) as Guard[] | undefined) ?? [];
}

function isOurs(guard: Guard): boolean {
  const guardClass = classOf(guard);
  return guardClass === SessionGuard || guardClass.prototype instanceof SessionGuard;
}

function classOf(guard: Guard): Function {
  return typeof guard === 'function' ? guard : guard.constructor;
}

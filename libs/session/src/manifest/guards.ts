import type { CanActivate } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { SessionSettings } from '../options/settings.js';
import { enforcesAccess, enforcesScopes, knowsSessions } from '../guard/decorators/guard-markers.js';
import { isPlacedGuard } from '../guard/calls/message-check.js';
import type { Handler } from '../handlers/handler.js';
import { GUARDS, guardsOn } from '../handlers/nest-metadata.js';
import { NO_GUARD } from '../guard/session.guard.js';

type Guard = Function | CanActivate;

/** Which guards stand before a handler. */
export interface GuardsThere {
  /** What decorators demand is enforced, by a guard or adapter of ours, or one that says so with `@EnforcesAccess()`. */
  readonly areEnforcing: boolean;
  /** `SessionGuard` stands where it does not know the transport, and refuses whatever is not public. */
  readonly isRefused: boolean;
  /** One of them is put before this very handler, not before all of a class or app. */
  readonly isGuardedItself: boolean;
  /** One is put on this very class, not on one that it extends. */
  readonly isGuardedByOwnClass: boolean;
  /** One stands there already, whatever the handler itself has. */
  readonly isGuardedBefore: boolean;
  /** One of them lets services in, by their tokens alone. */
  readonly areForServices: boolean;
  /** The names of those that are not ours, in the order in which they run. */
  readonly others: readonly string[];
}

export function guardsOf(
  found: Pick<Handler, 'handler' | 'class' | 'reach'>,
  config: ApplicationConfig,
  settings: Pick<SessionSettings, 'guardGlobally'>,
): GuardsThere {
  const { checkedBy, global, perRequest, own } = found.reach;
  const guards = [
    ...(global ? config.getGlobalGuards().filter((guard) => guard !== NO_GUARD) : []),
    // Guards that are made anew for each request.
    ...(perRequest ? config.getGlobalRequestGuards().map(({ metatype }) => metatype) : []),
    ...(own ? [...guardsOn(found.class), ...guardsOn(found.handler)] : []),
  ].filter((guard): guard is Guard => guard !== null && guard !== undefined);
  // By the option, because an app's tests may have put something else in the global guard's place.
  const isOursThere = (global && settings.guardGlobally) || guards.some(isOurs);
  const enforces = (guard: Guard): boolean => isOurs(guard) || enforcesAccess(classOf(guard));
  const areEnforcing =
    checkedBy === 'adapter' ||
    (checkedBy === 'guard' && isOursThere) ||
    guards.some((guard) => enforcesAccess(classOf(guard)));
  return {
    areEnforcing,
    isRefused: isOursThere && !areEnforcing,
    isGuardedItself: guardsOn(found.handler).some(enforces),
    isGuardedByOwnClass: Reflect.hasOwnMetadata(GUARDS, found.class) && guardsOn(found.class).some(enforces),
    isGuardedBefore:
      settings.guardGlobally || [...config.getGlobalGuards(), ...guardsOn(found.class)].some(enforces),
    areForServices: guards.some((guard) => enforcesScopes(classOf(guard))),
    others: guards
      .filter((guard) => !isOurs(guard) && !isPlacedGuard(guard) && !enforcesScopes(classOf(guard)))
      .map((guard) => classOf(guard).name || '(anonymous)'),
  };
}

/** Whether a guard on a class or method says with `@EnforcesAccess()` that it enforces what is declared. */
export function enforcesByItsWord(target: Function): boolean {
  return guardsOn(target).some((guard) => enforcesAccess(classOf(guard)));
}

/** Whether a guard is a `SessionGuard`. */
export function isOurs(guard: Guard): boolean {
  return knowsSessions(classOf(guard));
}

function classOf(guard: Guard): Function {
  return typeof guard === 'function' ? guard : guard.constructor;
}

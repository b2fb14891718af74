import { SessionConfigurationError } from '../model/session-error.js';
import { type Access, type DeclaredAccess, declaresRequirements } from '../rules/access.js';
import {
  declaredAccessOf,
  declaresItself,
  methodsThatLost,
  saysLess,
} from '../guard/decorators/declarations.js';
import type { HandlerFinder } from '../handlers/handler-finder.js';
import { prototypesOf } from '../handlers/methods.js';
import { guardsOn } from '../handlers/nest-metadata.js';
import { enforcesByItsWord, type GuardsThere } from './guards.js';
import { CONTEXTS, OWN_GUARD } from '../handlers/contexts.js';
import type { Handler } from '../handlers/handler.js';

type Found = Pick<Handler, 'name' | 'handler' | 'class'>;

/** Whether a request is said to be no activity: only a guard of ours can see to that. */
const declaresPassive = ({ passive }: DeclaredAccess): boolean => passive === true;

/** Whether guests are to come in beside users: nobody else may, so it relies on a guard. */
const declaresGuests = ({ allowsGuests }: DeclaredAccess): boolean => allowsGuests === true;

/** Whether any decorator sets a limit that also holds where nothing is demanded of the session. */
const declaresLimits = ({ quotas, ipAllowlists, ipDenylists }: DeclaredAccess): boolean =>
  quotas !== undefined || ipAllowlists !== undefined || ipDenylists !== undefined;

/** Whether decorators demand or limit something here, and so rely on something to enforce it. */
export function demands({ handler, class: owner }: Found, mode: Access['mode']): boolean {
  const declared = [declaredAccessOf(handler), declaredAccessOf(owner)];
  if (declared.some(declaresLimits)) return true;
  const takesSessions = mode === 'guarded' || mode === 'optional';
  return (
    (mode === 'guarded' && declared.some((one) => declaresRequirements(one) || declaresGuests(one))) ||
    (takesSessions && declared.some(declaresPassive))
  );
}

/**
 * That a guard is not undone by something farther off: a SessionGuard of the handler itself by what only its class says.
 * @throws SessionConfigurationError naming both, and the remedy
 */
export function checkNearest(
  { name, handler, class: owner }: Found,
  mode: Access['mode'],
  guards: Pick<GuardsThere, 'isGuardedItself' | 'isGuardedByOwnClass' | 'isGuardedBefore'>,
): void {
  const undoing = undoneBy(mode, [handler, owner]);
  if (undoing === undefined) return;
  if (guards.isGuardedItself && (mode !== 'optional' || guards.isGuardedBefore)) {
    throw new SessionConfigurationError(
      name,
      `has a SessionGuard of its own, which ${undoing} of its class undoes: write ${undoing} on the handler if that is meant; ` +
        'else take it from the class, or demand something of the handler, such as @Roles()',
    );
  }
  if (mode === 'public' && guards.isGuardedByOwnClass && !declaresItself(owner, 'isPublic')) {
    throw new SessionConfigurationError(
      owner.name,
      `has a SessionGuard of its own, which ${undoing} of a class that it extends undoes: write ${undoing} on ${owner.name} ` +
        'too if that is meant; else take it from the other',
    );
  }
}

/**
 * That nothing goes by the client's address where nobody can know it: no list would let anybody in, and all would share
 * one quota.
 * @throws SessionConfigurationError naming the handler
 */
export function checkClientIp(
  { kind, name }: Pick<Handler, 'kind' | 'name'>,
  { quotas, requirements }: Pick<Access, 'quotas' | 'requirements'>,
  { areEnforcing }: Pick<GuardsThere, 'areEnforcing'>,
): void {
  if (CONTEXTS[kind].hasClientIp || !areEnforcing) return;
  if (quotas.length > 0)
    throw new SessionConfigurationError(
      name,
      "has a quota by the client IP or the request, which messages do not have: count by 'user' or 'session'",
    );
  if (requirements.ip)
    throw new SessionConfigurationError(
      name,
      'is behind a list of addresses, its own or that of the option ipPolicy, and a message tells no client IP: check it at ' +
        'the gateway, and leave the list out here',
    );
}

/**
 * That `@OnStoreFailure('local-quota')` promises what it can keep: only storage knows who has a session, and who is on a
 * list by its name.
 * @throws SessionConfigurationError naming the handler, and the remedy
 */
export function checkStoreFailure(
  { name, handler, class: owner }: Found,
  { mode, quotas, requirements }: Pick<Access, 'mode' | 'quotas' | 'requirements'>,
): void {
  const own = declaredAccessOf(handler).onStoreFailure;
  if ((own ?? declaredAccessOf(owner).onStoreFailure) !== 'local-quota') return;
  const fail = (why: string): never => {
    throw new SessionConfigurationError(name, `has @OnStoreFailure('local-quota')${why}`);
  };
  if (mode !== 'public')
    fail(
      `, and is ${mode === 'service' ? 'for services' : 'not @Public()'}: nothing passes without its check while storage is ` +
        "away. Add @Public() or remove it; if it is the class's, write @OnStoreFailure('deny') on the handler",
    );
  if (own && quotas.length === 0) fail(' and no quota that could be counted: add @RateLimit(), or remove it');
  const list = [...(requirements.ip?.allow ?? []), ...(requirements.ip?.deny ?? [])].find(
    (one) => typeof one === 'string',
  );
  if (list !== undefined)
    fail(` and the list '${list}', which only storage knows: write its ranges out, or remove one of the two`);
}

/** What of the class decides how the handler is reached, where that says nothing itself. */
function undoneBy(mode: Access['mode'], [handler, owner]: readonly [Function, Function]): string | undefined {
  const [own, ofClass] = [declaredAccessOf(handler), declaredAccessOf(owner)];
  if (mode === 'public' && !own.isPublic) return '@Public()';
  if (mode === 'optional' && !own.isOptional) return '@OptionalSession()';
  // Where there are limits, the guard is there for those.
  return mode === 'service' && !own.scopes && !declaresLimits(own) && !declaresLimits(ofClass)
    ? '@Scopes()'
    : undefined;
}

/**
 * That a method with requirements is a handler that we know.
 * @param isServed whether `SessionGuard` serves contexts of the app's own, and stands there
 * @throws SessionConfigurationError naming it
 */
export function checkStray(
  { name, handler, class: owner }: Found,
  isServed: (handler: Function, owner: Function) => boolean,
): void {
  const declared = declaredAccessOf(handler);
  const relies = [declaresRequirements, declaresGuests, declaresLimits, declaresPassive];
  if (!relies.some((one) => one(declared))) return;
  if (enforcesByItsWord(handler) || enforcesByItsWord(owner) || isServed(handler, owner)) return;
  throw new SessionConfigurationError(
    name,
    'has requirements such as @Roles() that nothing enforces: it handles no HTTP request, message or operation that Nest ' +
      `knows of. Is its @Get() or the like missing? Else remove them; ${OWN_GUARD}`,
  );
}

/**
 * That what is checked is what runs: no other function has taken the place of one that decorators stood on.
 * @throws SessionConfigurationError naming the method
 */
export function checkWhatRuns(handlers: Pick<HandlerFinder, 'classes' | 'shadowed'>): void {
  for (const owner of handlers.classes()) {
    for (const prototype of prototypesOf(owner)) {
      const [lost] = methodsThatLost(prototype);
      if (lost === undefined) continue;
      throw new SessionConfigurationError(
        `${owner.name}.${String(lost)}`,
        'was replaced by a decorator that does not take the metadata along, such as the requirements on it: write that one ' +
          'below those of Latchkey and Nest, next to the method, or have it copy the metadata',
      );
    }
  }
  for (const { name, handler, runs } of handlers.shadowed()) {
    const isGuarded = guardsOn(handler).some((guard) => !guardsOn(runs).includes(guard));
    if (isGuarded || saysLess(runs, handler)) {
      throw new SessionConfigurationError(
        name,
        'is another function on the instance, as by bind() in the constructor. Nest runs that one, without the decorators: ' +
          'take it away; Nest calls a handler on its controller anyway',
      );
    }
  }
}

import { SessionConfigurationError } from '../model/session-error.js';
import { type Access, declaresLimits, declaresPassive, declaresRequirements } from '../rules/access.js';
import { declaredAccessOf, declaresItself } from '../guard/decorators/declarations.js';
import { enforcesByItsWord, type GuardsThere } from './guards.js';
import type { Handler } from '../handlers/handler.js';

type Found = Pick<Handler, 'kind' | 'method' | 'name' | 'handler' | 'class'>;

const OWN_GUARD = 'a guard of your own that enforces them says so with @EnforcesAccess()';
export const FIELDS_HINT =
  "Nest runs guards for fields only where GraphQLModule has fieldResolverEnhancers: ['guards']. Put it before the operation";

/** Whether decorators demand or limit something here, and so rely on something to enforce it. */
export function demands({ handler, class: owner }: Found, mode: Access['mode']): boolean {
  const declared = [declaredAccessOf(handler), declaredAccessOf(owner)];
  if (declared.some(declaresLimits)) return true;
  const takesSessions = mode === 'guarded' || mode === 'optional';
  return (
    (mode === 'guarded' && declared.some(declaresRequirements)) ||
    (takesSessions && declared.some(declaresPassive))
  );
}

/** What to say of requirements that nothing enforces. */
export function unenforced({ kind, method }: Found): string {
  return UNENFORCED[kind](method);
}

const UNENFORCED: Readonly<Record<Handler['kind'], (method: string) => string>> = {
  http: () =>
    "has requirements such as @Roles() that no guard enforces: add SessionGuard to its @UseGuards(). AuthGuard('latchkey') " +
    `alone does not know them; ${OWN_GUARD}`,
  websocket: (method) =>
    "has requirements such as @Roles() that nothing enforces: the app's WebSocket adapter lets in everybody. Call " +
    'app.useWebSocketAdapter(new SessionWsAdapter(app)), from @latchkey/session/ws, before init() or listen()' +
    // No guard ever sees a handshake.
    (method === 'CONNECT' ? '' : `; ${OWN_GUARD}`),
  graphql: (method) =>
    'has requirements such as @Roles() that nothing enforces: SessionGuard does not serve GraphQL' +
    `${method === 'FIELD' ? `, and ${FIELDS_HINT}` : ''}. Take them away; ${OWN_GUARD}`,
  rpc: () =>
    'has requirements such as @Roles() that nothing enforces: SessionGuard does not serve microservice messages. Take them ' +
    `away, and keep such handlers apart from those of HTTP; ${OWN_GUARD}, put before the handler or its class`,
};

/** What to say of a handler that is open by oversight. */
export function openUnderStrict({ kind, method }: Found): string {
  const open = 'is neither behind a SessionGuard nor @Public(), and the option strict allows no other';
  if (kind === 'websocket') {
    const remedy = 'SessionWsAdapter, from @latchkey/session/ws, guards it';
    return method === 'CONNECT'
      ? `opens sockets for everybody, which the option strict allows to a @Public() gateway only: ${remedy}`
      : `${open}: ${remedy}`;
  }
  return kind === 'rpc'
    ? `${open}. Global guards may not reach messages in a hybrid app: put @UseGuards() on the handler or its class`
    : open;
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
 * @throws SessionConfigurationError naming it
 */
export function checkStray({ name, handler, class: owner }: Pick<Found, 'name' | 'handler' | 'class'>): void {
  const declared = declaredAccessOf(handler);
  if (!declaresRequirements(declared) && !declaresLimits(declared) && !declaresPassive(declared)) return;
  if (enforcesByItsWord(handler) || enforcesByItsWord(owner)) return;
  throw new SessionConfigurationError(
    name,
    'has requirements such as @Roles() that nothing enforces: it handles no HTTP request, message or operation that Nest ' +
      `knows of. Is its @Get() or the like missing? Else take them away; ${OWN_GUARD}`,
  );
}

const ENFORCES_ACCESS = 'latchkey:enforces-access';
const ENFORCES_SCOPES = 'latchkey:enforces-scopes';
const KNOWS_SESSIONS = 'latchkey:knows_sessions';

/**
 * For a guard class of your own that enforces what these decorators demand, by calling `SessionGuard.canActivate()` for
 * every request that it lets in: where it stands, the boot check asks for no `SessionGuard` beside it. The check takes
 * its word. Classes that extend it count, too. Before messages of microservices it stands on the handler or its class.
 * @example
 * `@EnforcesAccess() @Injectable()` stands on this class:
 * ```ts
 * export class OfficeHoursGuard implements CanActivate {
 *   constructor(private readonly sessions: SessionGuard) {}
 *
 *   canActivate(context: ExecutionContext) {
 *     return new Date().getHours() >= 8 && this.sessions.canActivate(context);
 *   }
 * }
 * ```
 * @publicApi
 */
export function EnforcesAccess(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(ENFORCES_ACCESS, true, guard);
}

/** Whether a guard class says that it enforces what is declared. */
export function enforcesAccess(guard: object): boolean {
  return Reflect.getMetadata(ENFORCES_ACCESS, guard) === true;
}

/** Marks the guard that enforces `@Scopes()`. @internal */
export function EnforcesScopes(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(ENFORCES_SCOPES, true, guard);
}

/** Whether a guard class is the one that enforces `@Scopes()`. */
export function enforcesScopes(guard: object): boolean {
  return Reflect.getMetadata(ENFORCES_SCOPES, guard) === true;
}

/** Marks `SessionGuard`, which enforces what is declared where it knows the transport. @internal */
export function KnowsSessions(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(KNOWS_SESSIONS, true, guard);
}

/** Whether a guard class is `SessionGuard` or extends it. */
export function knowsSessions(guard: object): boolean {
  return Reflect.getMetadata(KNOWS_SESSIONS, guard) === true;
}

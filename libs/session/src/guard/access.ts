import type { AccessRequirements } from '../model/decision.js';
import type { AssuranceLevel } from '../model/session.js';
import { SessionConfigurationError } from '../model/session-error.js';
import { roleGroupsFor, type RolePermissions } from '../policy/roles.js';

/** What the decorators on one class or one handler say. */
export interface DeclaredAccess {
  readonly isPublic?: boolean;
  readonly isOptional?: boolean;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  readonly maxAuthenticationAgeMs?: number;
  readonly assurance?: AssuranceLevel;
  readonly allowExpired?: boolean;
}

/**
 * How a handler is reached: `guarded` takes a session that meets the requirements, `optional` takes a session or
 * nobody, `public` does not look.
 */
export interface Access {
  readonly mode: 'guarded' | 'optional' | 'public';
  readonly requirements: AccessRequirements;
}

/** A live session of a user who is not blocked, and no more. One object, so that it can be told by identity. */
export const SESSION_ONLY: AccessRequirements = Object.freeze({ roleGroups: [] });

const PUBLIC: Access = { mode: 'public', requirements: SESSION_ONLY };
const OPTIONAL: Access = { mode: 'optional', requirements: SESSION_ONLY };
const GUARDED: Access = { mode: 'guarded', requirements: SESSION_ONLY };

const REQUIREMENTS = ['roles', 'permissions', 'maxAuthenticationAgeMs', 'assurance', 'allowExpired'] as const;

/** Whether any decorator demands something, and so relies on a guard to enforce it. */
export function declaresRequirements(declared: DeclaredAccess): boolean {
  return REQUIREMENTS.some((name) => declared[name] !== undefined);
}

/**
 * The access to a handler from what its class and itself declare. Each of the handler's decorators replaces the same
 * one of the class; a handler with any requirement is guarded, also in a class that is public or optional.
 * @param where the handler's name, for the error
 * @throws SessionConfigurationError when one of them contradicts itself
 */
export function mergeAccess(
  declared: { readonly handler: DeclaredAccess; readonly class: DeclaredAccess },
  rolePermissions: RolePermissions,
  where: string,
): Access {
  assertConsistent(declared.class, where);
  assertConsistent(declared.handler, where);
  if (declared.handler.isPublic) return PUBLIC;
  if (declared.handler.isOptional) return OPTIONAL;
  const merged = { ...declared.class, ...declared.handler };
  if (!declaresRequirements(merged)) {
    if (merged.isPublic) return PUBLIC;
    return merged.isOptional ? OPTIONAL : GUARDED;
  }
  const { maxAuthenticationAgeMs, assurance, allowExpired } = merged;
  return {
    mode: 'guarded',
    requirements: {
      roleGroups: roleGroupsFor(merged.roles, merged.permissions ?? [], rolePermissions),
      ...(maxAuthenticationAgeMs === undefined ? {} : { maxAuthenticationAgeMs }),
      ...(assurance === undefined ? {} : { assurance }),
      ...(allowExpired === undefined ? {} : { allowExpired }),
    },
  };
}

function assertConsistent(declared: DeclaredAccess, where: string): void {
  const claims = [
    declared.isPublic && '@Public()',
    declared.isOptional && '@OptionalSession()',
    declaresRequirements(declared) && 'a requirement such as @Roles()',
  ].filter((claim) => typeof claim === 'string');
  if (claims.length > 1)
    throw new SessionConfigurationError(where, `is declared with ${claims.join(' and with ')}: choose one`);
}

import type { AccessRequirements } from '../model/decision.js';
import type { UserQuota } from '../model/quota.js';
import type { AssuranceLevel } from '../model/session.js';
import { SessionConfigurationError } from '../model/session-error.js';
import type { QuotaRule } from './quota-rule.js';
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
  /** A parameter takes the session's data. It demands nothing: where nobody is, there is none. */
  readonly withData?: boolean;
  /** As declared, or the name of one of the option `rateLimits`. */
  readonly quotas?: readonly (QuotaRule | string)[];
}

/**
 * How a handler is reached: `guarded` takes a session that meets the requirements, `optional` takes a session or
 * nobody, `public` does not look.
 */
export interface Access {
  readonly mode: 'guarded' | 'optional' | 'public';
  readonly requirements: AccessRequirements;
  /** The quotas that live with no user: by client IP, or by what the app says. Those of users are requirements. */
  readonly quotas: readonly QuotaRule[];
}

/** A live session of a user who is not blocked, and no more. One object, so that it can be told by identity. */
export const SESSION_ONLY: AccessRequirements = Object.freeze({ roleGroups: [] });

const REQUIREMENTS = ['roles', 'permissions', 'maxAuthenticationAgeMs', 'assurance', 'allowExpired'] as const;

/** Whether any decorator demands something, and so relies on a guard to enforce it. */
export function declaresRequirements(declared: DeclaredAccess): boolean {
  return REQUIREMENTS.some((name) => declared[name] !== undefined);
}

/** What of the options bears on the access to handlers. */
export interface AccessSettings {
  readonly permissions: RolePermissions;
  /** Quotas that handlers name. */
  readonly namedQuotas: ReadonlyMap<string, QuotaRule>;
  /** The quotas of a guarded handler that declares none. */
  readonly defaultQuotas: readonly QuotaRule[];
}

/**
 * The access to a handler from what its class and itself declare. Each of the handler's decorators replaces the same
 * one of the class, but quotas add up; a handler with any requirement is guarded, also in a class that is public or
 * optional.
 * @param where the handler's name, for the error
 * @throws SessionConfigurationError when one of them contradicts itself
 */
export function mergeAccess(
  declared: { readonly handler: DeclaredAccess; readonly class: DeclaredAccess },
  settings: AccessSettings,
  where: string,
): Access {
  assertConsistent(declared.class, where);
  assertConsistent(declared.handler, where);
  const merged = { ...declared.class, ...declared.handler };
  const mode = modeOf(declared.handler, merged);
  const declaredQuotas = [...(declared.class.quotas ?? []), ...(declared.handler.quotas ?? [])].map((one) =>
    typeof one === 'string' ? namedQuota(one, settings, where) : one,
  );
  const quotas = declaredQuotas.length > 0 || mode !== 'guarded' ? declaredQuotas : settings.defaultQuotas;
  assertQuotas(quotas, mode, where);
  return {
    mode,
    requirements: requirementsOf(
      mode === 'guarded' ? merged : { withData: mode === 'optional' && merged.withData === true },
      quotas,
      settings.permissions,
    ),
    quotas: quotas.filter(({ by }) => by !== 'user' && by !== 'session'),
  };
}

function modeOf(handler: DeclaredAccess, merged: DeclaredAccess): Access['mode'] {
  if (handler.isPublic) return 'public';
  if (handler.isOptional) return 'optional';
  if (declaresRequirements(merged)) return 'guarded';
  if (merged.isPublic) return 'public';
  return merged.isOptional ? 'optional' : 'guarded';
}

function requirementsOf(
  declared: DeclaredAccess,
  quotas: readonly QuotaRule[],
  rolePermissions: RolePermissions,
): AccessRequirements {
  const { maxAuthenticationAgeMs, assurance, allowExpired, withData = false } = declared;
  const ofUser = quotas.flatMap(({ policy, by }): UserQuota[] =>
    by === 'user' || by === 'session' ? [{ ...policy, by }] : [],
  );
  if (ofUser.length === 0 && !withData && !declaresRequirements(declared)) return SESSION_ONLY;
  return Object.freeze({
    roleGroups: roleGroupsFor(declared.roles, declared.permissions ?? [], rolePermissions),
    ...(ofUser.length === 0 ? {} : { quotas: ofUser }),
    ...(maxAuthenticationAgeMs === undefined ? {} : { maxAuthenticationAgeMs }),
    ...(assurance === undefined ? {} : { assurance }),
    ...(allowExpired === undefined ? {} : { allowExpired }),
    ...(withData ? { withData } : {}),
  });
}

function namedQuota(name: string, { namedQuotas }: AccessSettings, where: string): QuotaRule {
  const quota = namedQuotas.get(name);
  if (quota) return quota;
  throw new SessionConfigurationError(
    where,
    `has a quota called '${name}', which the option rateLimits does not have`,
  );
}

function assertQuotas(quotas: readonly QuotaRule[], mode: Access['mode'], where: string): void {
  const names = quotas.map(({ policy }) => policy.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new SessionConfigurationError(where, `has two quotas called '${twice}'`);
  if (mode === 'public' && quotas.some(({ by }) => by === 'user' || by === 'session')) {
    throw new SessionConfigurationError(
      where,
      "is public, so a quota by 'user' or 'session' has nobody to count for",
    );
  }
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

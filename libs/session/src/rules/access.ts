import type { AccessRequirements } from '../model/decision.js';
import type { IpListRef, IpRequirements } from '../model/ip-list.js';
import type { UserQuota } from '../model/quota.js';
import type { AssuranceLevel } from '../model/session.js';
import { SessionConfigurationError } from '../model/session-error.js';
import type { QuotaRule } from './quota-rule.js';
import { roleGroupsFor, type RolePermissions } from './roles.js';

/** What the decorators on one class or one handler say. */
export interface DeclaredAccess {
  readonly isPublic?: boolean;
  readonly isOptional?: boolean;
  /** A guest's session will do as well as a user's. */
  readonly allowsGuests?: boolean;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  readonly maxAuthenticationAgeMs?: number;
  readonly assurance?: AssuranceLevel;
  readonly allowExpired?: boolean;
  /** A parameter takes the session's data. It demands nothing: where nobody is, there is none. */
  readonly withData?: boolean;
  /** A request is no activity of the user's. It demands nothing. */
  readonly passive?: boolean;
  /** Redis answers, and not the near cache. It demands nothing. */
  readonly freshState?: boolean;
  /** As declared, or the name of one of the option `rateLimits`. */
  readonly quotas?: readonly (QuotaRule | string)[];
  readonly ipAllowlists?: readonly IpListRef[];
  readonly ipDenylists?: readonly IpListRef[];
  /** The handler is for other services, which show that they may with a service token of these scopes. */
  readonly scopes?: readonly string[];
  /** What becomes of the quotas of a public handler while storage is away. */
  readonly onStoreFailure?: 'deny' | 'local-quota';
}

/**
 * How a handler is reached: `guarded` takes a session that meets the requirements, `optional` takes a session or
 * nobody, `public` does not look, and neither does `service`: there, ServiceTokenGuard does.
 */
export interface Access {
  readonly mode: 'guarded' | 'optional' | 'public' | 'service';
  readonly requirements: AccessRequirements;
  /** The quotas that live with no user: by client IP, or by what the app says. Those of users are requirements. */
  readonly quotas: readonly QuotaRule[];
  /** While storage is away these are counted in this process. Of public handlers only: no session is ever taken on trust. */
  readonly countsLocally?: true;
}

const SESSION_ONLY: AccessRequirements = Object.freeze({ roleGroups: [] });
const sessionFromThere = new WeakMap<IpRequirements, AccessRequirements>();

/**
 * A live session of a user who is not blocked, from where it may come, and no more. One object for one policy, so that it
 * can be told by identity.
 */
export function sessionOnly(ip?: IpRequirements): AccessRequirements {
  if (!ip) return SESSION_ONLY;
  const known = sessionFromThere.get(ip) ?? Object.freeze({ ...SESSION_ONLY, ip });
  sessionFromThere.set(ip, known);
  return known;
}

const REQUIREMENTS = ['roles', 'permissions', 'maxAuthenticationAgeMs', 'assurance', 'allowExpired'] as const;

/** Whether any decorator demands something, and so relies on a guard to enforce it. */
export function declaresRequirements(declared: DeclaredAccess): boolean {
  return REQUIREMENTS.some((name) => declared[name] !== undefined);
}

/** What of the options bears on the access to handlers. */
interface AccessSettings {
  readonly permissions: RolePermissions;
  /** Quotas that handlers name. */
  readonly namedQuotas: ReadonlyMap<string, QuotaRule>;
  /** The quotas of a guarded handler that declares none. */
  readonly defaultQuotas: readonly QuotaRule[];
  /** Absent: there are no guests. */
  readonly guests?: object;
  readonly ipPolicy: {
    /** What holds for every handler that is not public; absent: nothing. */
    readonly requirements?: IpRequirements;
  };
}

/**
 * The access to a handler from what its class and itself declare. Each of the handler's decorators replaces the same
 * one of the class, but quotas and lists of addresses add up; a handler with any requirement is guarded, also in a class that is public or
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
  const takesGuests =
    mode === 'guarded' && merged.allowsGuests === true && !declaresRequirements(declared.handler);
  if (takesGuests) assertGuests(settings, where);
  else assertForOneKind(merged, mode, where);
  const declaredQuotas = [...(declared.class.quotas ?? []), ...(declared.handler.quotas ?? [])].map((one) =>
    typeof one === 'string' ? namedQuota(one, settings, where) : one,
  );
  const quotas = declaredQuotas.length > 0 || mode !== 'guarded' ? declaredQuotas : settings.defaultQuotas;
  assertQuotas(quotas, mode, where);
  assertNotPassive(declared.handler, mode, where);
  return {
    mode,
    requirements: requirementsOf(
      takesGuests || mode !== 'guarded'
        ? besidesRequirements(merged, mode, takesGuests)
        : { ...merged, allowsGuests: false },
      { quotas, ip: ipOf(declared, mode === 'public' ? undefined : settings.ipPolicy.requirements) },
      settings.permissions,
    ),
    quotas: quotas.filter(({ by }) => by !== 'user' && by !== 'session'),
    ...(mode === 'public' && merged.onStoreFailure === 'local-quota' ? { countsLocally: true } : {}),
  };
}

/** What a handler that demands nothing of a user may still say of the session that is there. */
function besidesRequirements(
  { withData = false, passive = false, freshState = false }: DeclaredAccess,
  mode: Access['mode'],
  allowsGuests: boolean,
): DeclaredAccess {
  return mode === 'guarded' || mode === 'optional' ? { withData, passive, freshState, allowsGuests } : {};
}

function modeOf(handler: DeclaredAccess, merged: DeclaredAccess): Access['mode'] {
  if (handler.isPublic) return 'public';
  if (handler.isOptional) return 'optional';
  if (handler.scopes) return 'service';
  if (handler.allowsGuests || declaresRequirements(merged)) return 'guarded';
  if (merged.scopes) return 'service';
  if (merged.isPublic) return 'public';
  return merged.isOptional ? 'optional' : 'guarded';
}

function requirementsOf(
  declared: DeclaredAccess,
  { quotas, ip }: { readonly quotas: readonly QuotaRule[]; readonly ip: IpRequirements | undefined },
  rolePermissions: RolePermissions,
): AccessRequirements {
  const { maxAuthenticationAgeMs, assurance, allowExpired } = declared;
  const { withData = false, passive = false, freshState = false, allowsGuests = false } = declared;
  const ofUser = quotas.flatMap(({ policy, by, batch }): UserQuota[] =>
    by === 'user' || by === 'session' ? [{ ...policy, by, ...(batch === undefined ? {} : { batch }) }] : [],
  );
  const isPlain = ofUser.length === 0 && !withData && !passive && !freshState && !allowsGuests;
  if (isPlain && !declaresRequirements(declared)) return sessionOnly(ip);
  return Object.freeze({
    roleGroups: roleGroupsFor(declared.roles, declared.permissions ?? [], rolePermissions),
    ...(ip ? { ip } : {}),
    ...(ofUser.length === 0 ? {} : { quotas: ofUser }),
    ...(maxAuthenticationAgeMs === undefined ? {} : { maxAuthenticationAgeMs }),
    ...(assurance === undefined ? {} : { assurance }),
    ...(allowExpired === undefined ? {} : { allowExpired }),
    ...(withData ? { withData } : {}),
    ...(passive ? { passive } : {}),
    ...(freshState ? { freshState } : {}),
    ...(allowsGuests ? { allowGuests: true } : {}),
  });
}

/** Every list counts, wherever it was declared. */
function ipOf(
  declared: { readonly handler: DeclaredAccess; readonly class: DeclaredAccess },
  everywhere: IpRequirements | undefined,
): IpRequirements | undefined {
  const allow = [...(declared.class.ipAllowlists ?? []), ...(declared.handler.ipAllowlists ?? [])];
  const deny = [...(declared.class.ipDenylists ?? []), ...(declared.handler.ipDenylists ?? [])];
  if (allow.length + deny.length === 0) return everywhere;
  return Object.freeze({
    allow: [...(everywhere?.allow ?? []), ...allow],
    deny: [...(everywhere?.deny ?? []), ...deny],
  });
}

function namedQuota(name: string, { namedQuotas }: AccessSettings, where: string): QuotaRule {
  const quota = namedQuotas.get(name);
  if (quota) return quota;
  throw new SessionConfigurationError(
    where,
    `names the quota '${name}', which the option rateLimits does not have: add it there`,
  );
}

function assertQuotas(quotas: readonly QuotaRule[], mode: Access['mode'], where: string): void {
  const names = quotas.map(({ policy }) => policy.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new SessionConfigurationError(where, `has two quotas with the name '${twice}': give each its own`);
  if (
    (mode === 'public' || mode === 'service') &&
    quotas.some(({ by }) => by === 'user' || by === 'session')
  ) {
    throw new SessionConfigurationError(
      where,
      "takes no session, so it cannot count by 'user' or 'session': use by: 'ip' or a function",
    );
  }
}

function assertNotPassive(handler: DeclaredAccess, mode: Access['mode'], where: string): void {
  if (handler.passive !== true || mode === 'guarded' || mode === 'optional') return;
  throw new SessionConfigurationError(where, 'takes no session, so @Passive() has no timeout to leave alone');
}

function assertConsistent(declared: DeclaredAccess, where: string): void {
  const claims = [
    declared.isPublic && '@Public()',
    declared.isOptional && '@OptionalSession()',
    declared.allowsGuests && '@AllowGuests()',
    declared.scopes && '@Scopes()',
    declaresRequirements(declared) && 'a requirement such as @Roles()',
  ].filter((claim) => typeof claim === 'string');
  if (claims.length > 1)
    throw new SessionConfigurationError(where, `is declared with ${claims.join(' and with ')}: choose one`);
}

function assertGuests({ guests }: AccessSettings, where: string): void {
  if (guests) return;
  throw new SessionConfigurationError(
    where,
    'has @AllowGuests(), and there are no guests: set the option guests, or remove it',
  );
}

/** Nobody comes as a person and as a service. */
function assertForOneKind(merged: DeclaredAccess, mode: Access['mode'], where: string): void {
  if ((mode === 'guarded' || mode === 'service') && merged.scopes && declaresRequirements(merged)) {
    throw new SessionConfigurationError(
      where,
      'has @Scopes() and a requirement such as @Roles(), one of them from its class: choose one',
    );
  }
}

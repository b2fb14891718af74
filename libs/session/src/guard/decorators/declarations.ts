import { SessionConfigurationError } from '../../model/session-error.js';
import type { DeclaredAccess } from '../../rules/access.js';
import { NAME_PATTERN } from '../../rules/roles.js';

/** What goes on a handler, or on a class for all of its handlers. @publicApi */
export type AccessDecorator = MethodDecorator & ClassDecorator;

/** How each declaration is written, and the metadata key that it is kept under. */
const DECLARATIONS: Readonly<Record<keyof DeclaredAccess, readonly [decorator: string, key: string]>> = {
  isPublic: ['@Public()', 'latchkey:public'],
  isOptional: ['@OptionalSession()', 'latchkey:optional-session'],
  allowsGuests: ['@AllowGuests()', 'latchkey:allow-guests'],
  roles: ['@Roles()', 'latchkey:roles'],
  permissions: ['@Permissions()', 'latchkey:permissions'],
  maxAuthenticationAgeMs: ['@Fresh()', 'latchkey:fresh'],
  assurance: ['@Assurance()', 'latchkey:assurance'],
  allowExpired: ['@AllowExpired()', 'latchkey:allow-expired'],
  passive: ['@Passive()', 'latchkey:passive'],
  freshState: ['@FreshState()', 'latchkey:fresh-state'],
  quotas: ['@RateLimit()', 'latchkey:quotas'],
  withData: ['@SessionData()', 'latchkey:session-data'],
  ipAllowlists: ['@IpAllowlist()', 'latchkey:ip-allowlists'],
  ipDenylists: ['@IpDenylist()', 'latchkey:ip-denylists'],
  scopes: ['@Scopes()', 'latchkey:scopes'],
  onStoreFailure: ['@OnStoreFailure()', 'latchkey:on-store-failure'],
};

/** The functions that decorators of ours stood on, by their prototype and name: another may take the place of one later. */
const declarants = new WeakMap<object, Map<PropertyKey, Set<Function>>>();

function note(prototype: object, method: PropertyKey | undefined, declaring: object): void {
  if (method === undefined || typeof declaring !== 'function') return;
  const byMethod = declarants.get(prototype) ?? new Map<PropertyKey, Set<Function>>();
  byMethod.set(method, (byMethod.get(method) ?? new Set()).add(declaring));
  declarants.set(prototype, byMethod);
}

/** The methods of a prototype that a later decorator has replaced by a function which says less. */
export function methodsThatLost(prototype: object): PropertyKey[] {
  return [...(declarants.get(prototype) ?? [])].flatMap(([method, functions]) => {
    const present: unknown = Object.getOwnPropertyDescriptor(prototype, method)?.value;
    if (typeof present !== 'function') return [];
    return [...functions].some((one) => saysLess(present, one)) ? [method] : [];
  });
}

/** Whether a function lacks something that another one declares. */
export function saysLess(function_: Function, than: Function): boolean {
  const [present, wanted] = [declaredAccessOf(function_), declaredAccessOf(than)] as Record<
    string,
    unknown
  >[];
  return Object.entries(wanted ?? {}).some(([name, value]) => {
    const has = present?.[name];
    if (Array.isArray(value) && Array.isArray(has)) return !value.every((item) => has.includes(item));
    return has !== value;
  });
}

/** What the decorators on a class or a handler declared: the one reader of their metadata. */
export function declaredAccessOf(target: object): DeclaredAccess {
  const declared: Record<string, unknown> = {};
  for (const [name, [, key]] of Object.entries(DECLARATIONS)) {
    const value: unknown = Reflect.getMetadata(key, target);
    if (value !== undefined) declared[name] = value;
  }
  return declared;
}

/** Whether a class itself declares it, and not only one that it extends. */
export function declaresItself(target: object, name: keyof DeclaredAccess): boolean {
  return Reflect.hasOwnMetadata(DECLARATIONS[name][1], target);
}

export function declare<Name extends keyof DeclaredAccess>(
  name: Name,
  value: NonNullable<DeclaredAccess[Name]>,
): AccessDecorator {
  const [decorator, key] = DECLARATIONS[name];
  return (target: object, method?: PropertyKey, descriptor?: PropertyDescriptor) => {
    const declaring = (descriptor?.value ?? target) as Function;
    if (Reflect.hasOwnMetadata(key, declaring)) {
      const where = method === undefined ? declaring.name : `${target.constructor.name}.${String(method)}`;
      // Metadata would keep one of the two and drop the other's demand without a word.
      throw new SessionConfigurationError(
        where,
        `has ${decorator} twice: write one with everything it takes`,
      );
    }
    Reflect.defineMetadata(key, value, declaring);
    note(target, method, declaring);
  };
}

/** Declares that a handler reads the session's data, however many of its parameters do. */
export function declareDataOf(handler: object): void {
  Reflect.defineMetadata(DECLARATIONS.withData[1], true, handler);
}

/** Declares something beside what others of its kind declare. */
export function add<Name extends 'quotas' | 'ipAllowlists' | 'ipDenylists'>(
  name: Name,
  items: NonNullable<DeclaredAccess[Name]>,
): AccessDecorator {
  const [, key] = DECLARATIONS[name];
  return (target: object, method?: PropertyKey, descriptor?: PropertyDescriptor) => {
    const declaring = (descriptor?.value ?? target) as object;
    // Those of a class that it extends, too.
    const others = (Reflect.getMetadata(key, declaring) ?? []) as readonly unknown[];
    Reflect.defineMetadata(key, [...items, ...others], declaring);
    note(target, method, declaring);
  };
}

export function checkedNames(decorator: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new SessionConfigurationError(decorator, 'needs at least one name');
  // Not by find(): what is undefined would look as if nothing were wrong.
  const wrong = names.filter((name) => typeof name !== 'string' || !NAME_PATTERN.test(name));
  if (wrong.length === 0) return Object.freeze([...names]);
  throw new SessionConfigurationError(
    decorator,
    `takes names of 1–64 letters, digits and . _ : -, not ${String(JSON.stringify(wrong[0]))}`,
  );
}

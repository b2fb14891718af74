/** Role to permissions: each role's list of names, 1–64 letters, digits, `. _ : -` each. @publicApi */
export type RolePermissions = Readonly<Record<string, readonly string[]>>;

/** The form that role and permission names must have, so that lists of them need no escaping anywhere. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

/** Whether the user's roles meet every group: one role of each. No groups: anybody. */
export function satisfiesRoles(roles: readonly string[], groups: readonly (readonly string[])[]): boolean {
  return groups.every((group) => group.some((role) => roles.includes(role)));
}

/**
 * The role groups that `@Roles` (any of) and `@Permissions` (all of) amount to. A permission that no role brings
 * makes a group that nobody can meet.
 */
export function roleGroupsFor(
  anyOfRoles: readonly string[] | undefined,
  allOfPermissions: readonly string[],
  rolePermissions: RolePermissions,
): string[][] {
  const groups: string[][] = anyOfRoles ? [[...anyOfRoles]] : [];
  for (const permission of allOfPermissions) {
    groups.push(
      Object.entries(rolePermissions)
        .filter(([, permissions]) => permissions.includes(permission))
        .map(([role]) => role),
    );
  }
  return groups;
}

/** The roles of the sample, from the lowest rank to the highest. */
export const ROLES = ['user', 'moderator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The highest rank among the roles; somebody without any ranks as a user. */
export function rankOf(roles: readonly string[]): number {
  return Math.max(0, ...roles.map((role) => ROLES.indexOf(role as Role)));
}

/** Nobody acts on somebody of their own rank or above, except an admin on another admin. */
export function mayActOn(actorRoles: readonly string[], targetRoles: readonly string[]): boolean {
  return isAdmin(actorRoles) || rankOf(actorRoles) > rankOf(targetRoles);
}

export function isAdmin(roles: readonly string[]): boolean {
  return roles.includes('admin');
}

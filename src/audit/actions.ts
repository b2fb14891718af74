import type { AuditAct, AuditOutcome } from '@latchkey/session/audit';

/** Every action in the audit log, with what an entry of it says. */
export const AUDIT_ACTIONS = {
  register: 'An account was made',
  login: 'Somebody logged in; `denied`: with a wrong user name or password',
  reauthenticate: '`denied` only: a wrong password, where it was to be proved again',
  'refresh.reused': 'A refresh token was used twice, which ended its session',
  'password.change': 'A user changed the password; `denied`: the current one was wrong',
  'password.reset': 'A user reset the password, by a link that was mailed',
  'email.prove': 'A user proved the e-mail address',
  'account.erase': 'A user erased their account',
  'user.roles': "A user's roles were set",
  'user.block': 'A user was blocked',
  'user.unblock': "A user's block was lifted",
  'sessions.revoke': 'A user was logged out everywhere',
  'ip_allowlist.set': 'A list of addresses was replaced',
  access: '`denied` only: a request of a moderator or an admin that a guard refused',
} as const;

export type AuditAction = keyof typeof AUDIT_ACTIONS;

/** What a user does to the own account: any account can cause it, so it is kept apart from the acts of moderators. */
const ROUTINE: ReadonlySet<AuditAction> = new Set<AuditAction>([
  'register',
  'login',
  'refresh.reused',
  'password.change',
  'password.reset',
  'email.prove',
  'account.erase',
]);

export function isRoutine(action: AuditAction): boolean {
  return ROUTINE.has(action);
}

/** An act of this app. */
export interface Act extends AuditAct {
  readonly action: AuditAction;
}

/** Every outcome, with what it says of the act. */
export const OUTCOMES: Readonly<Record<AuditOutcome, string>> = {
  ok: 'it was done',
  denied: 'the actor may not do it (401, 403, 429)',
  failed: 'it was refused for another reason',
  unknown: 'it was begun, and may have happened',
};

/** A table as a text: each name with what it says. */
export function described(table: Readonly<Record<string, string>>): string {
  return Object.entries(table)
    .map(([name, says]) => `\`${name}\`: ${says}`)
    .join('. ');
}

import { randomBytes } from 'node:crypto';
import { isId } from '../http/ids.js';

/**
 * What the sample itself keeps of a person. Roles and blocks are not here: they are the library's user state, so that
 * there is one truth about them.
 */
export interface Account {
  /** Says of a demo account that it is one: see `isDemoUserId`. */
  readonly id: string;
  /** As `normaliseUsername` gives it. Never changes. */
  readonly username: string;
  /** argon2id in its PHC string form. */
  readonly passwordHash: string;
  /** Milliseconds since 1970 UTC. */
  readonly createdAt: number;
}

/** What the ids of demo accounts begin with; one of 2^48 others would, too, and is not given out. */
const DEMO_PREFIX = 'demo----';
/** Letters and digits of any script, `_` and `-`. */
export const USERNAME = /^[\p{L}\p{Nd}_-]{3,32}$/u;

export function newUserId(): string {
  const id = randomBytes(12).toString('base64url');
  return isDemoUserId(id) ? newUserId() : id;
}

export function newDemoUserId(): string {
  return DEMO_PREFIX + randomBytes(6).toString('base64url');
}

/**
 * Whether a user is one of the well-known accounts for trying the sample out. Production refuses them, and the id says
 * it wherever a session is looked at, without another question to the database.
 */
export function isDemoUserId(id: string): boolean {
  return id.startsWith(DEMO_PREFIX);
}

/** Whether a text can be a user id at all. */
export function isUserId(text: string): boolean {
  return isId('user', text);
}

/** The one form of a user name: NFKC, lower-case. What looks the same to a keyboard is the same account. */
export function normaliseUsername(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

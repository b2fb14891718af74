import { SessionError } from '../../model/session-error.js';
import type { RepositorySettings } from '../contract/session-repository.js';

/** `user_mismatch`: two user ids with one userRef, a collision of 128 bits of SHA-256. It is refused, not served. */
export function unexpected(outcome: string): SessionError {
  return new SessionError('session_store_unavailable', {
    cause: new Error(`The script answered ${outcome}`),
  });
}

/** `roleLifetimes` as the scripts take them: `admin 900000 43200000 …`. */
export function roleLifetimesArgument({ roleLifetimes }: Pick<RepositorySettings, 'roleLifetimes'>): string {
  return [...roleLifetimes]
    .map(([role, lifetime]) => `${role} ${lifetime.inactivityTimeoutMs} ${lifetime.absoluteTimeoutMs}`)
    .join(' ');
}

/** `maxStateAgeMs` as the scripts take it: empty for a record that is the truth, whatever its age. */
export function maxStateAgeArgument({
  maxStateAgeMs,
}: Pick<RepositorySettings, 'maxStateAgeMs'>): number | '' {
  return maxStateAgeMs === undefined ? '' : Math.min(maxStateAgeMs, Number.MAX_SAFE_INTEGER);
}

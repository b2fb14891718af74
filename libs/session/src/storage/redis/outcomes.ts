import { randomInt } from 'node:crypto';
import { SessionError } from '../../model/session-error.js';
import type { RepositorySettings } from '../contract/session-repository.js';

/** Epochs fit 5 bytes; they start at random, so that a record which was lost and made again matches no old session. */
const EPOCH_START = { min: 2 ** 32, max: 2 ** 39 } as const;

export function newEpoch(): number {
  return randomInt(EPOCH_START.min, EPOCH_START.max);
}

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

import { SessionError } from '../../model/session-error.js';

/**
 * Whether a call was refused, and did not run, because its keys are on two servers or one of them is not there, while a
 * Cluster moves their slot: what needs one key is served all the same. Such a state may last, if a move was broken off.
 */
export function isSlotOpen(error: unknown): boolean {
  if (!(error instanceof SessionError) || !(error.cause instanceof Error)) return false;
  return /^TRYAGAIN|^Too many Cluster redirections/.test(error.cause.message);
}

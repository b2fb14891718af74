import { privateSlot } from '../../basics/private-slot.js';
import { object } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import type { Session } from '../../model/session.js';
import type { TokenProof } from '../../storage/contract/session-repository.js';
import type { ParsedToken } from '../../token/session-token.js';

/** Which token opened a session. */
const credentials = privateSlot<ParsedToken>();

/** From here on, the session can act for itself. */
export function keepCredential(session: Session, proof: ParsedToken): void {
  credentials.set(session, proof);
}

/** As `credentialOf`, of a user's session. @throws TypeError for a guest's, too: there is nobody who could prove anything */
export function userCredentialOf(session: Session): TokenProof {
  const proof = credentialOf(session);
  if (session.isGuest !== true) return proof;
  throw new TypeError("This is a guest's session: create(userId, { from: session }) makes a user's of it");
}

/**
 * @throws TypeError for a session that no token has opened, and for what is no session
 * @throws SessionError `session_expired` when that token's time is over
 */
export function credentialOf(session: Session): TokenProof {
  const proof = credentials.get(object(session, 'session'));
  if (!proof)
    throw new TypeError(
      'This session comes from a list: only one from authenticate() or create() acts for itself',
    );
  if (proof.isExpired) throw new SessionError('session_expired');
  return proof;
}

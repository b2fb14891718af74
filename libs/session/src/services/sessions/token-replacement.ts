import { SessionError } from '../../model/session-error.js';
import type { SessionRepository, TokenProof } from '../../storage/contract/session-repository.js';
import type { SessionSettings } from '../../options/settings.js';
import { tellSessions } from '../../telemetry/tell.js';
import type { IssuedSession, ReplaceTokenOptions } from './session-types.js';
import type { TokenIssuer } from './token-issuer.js';

export interface ReplacementParts {
  readonly settings: Pick<SessionSettings, 'realm'>;
  readonly repository: SessionRepository;
  readonly issuer: TokenIssuer;
}

/** A password change or a step-up, from top to bottom. See `SessionService.replaceToken`, which has checked the options. */
export async function replaceToken(
  { repository, issuer, settings: { realm } }: ReplacementParts,
  proof: TokenProof,
  options: ReplaceTokenOptions,
): Promise<IssuedSession> {
  const tokens = issuer.newTokens(proof);
  const replaced = await repository.replaceToken({
    proof,
    newTokenHash: tokens.proof.tokenHash,
    ...issuer.familyOf(tokens),
    reauthenticated: options.reauthenticated ?? true,
    revokeOthers: options.revokeOthers ?? false,
    assurance: options.assurance,
    ifEpoch: options.ifEpoch,
  });
  if (replaced.outcome === 'refused') throw new SessionError('session_revoked');
  tellSessions(realm, { change: 'ended', reason: 'revoked', count: replaced.revoked });
  return issuer.issue(tokens, replaced, { at: replaced.now });
}

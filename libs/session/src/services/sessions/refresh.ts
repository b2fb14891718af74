import { denialError, SessionError } from '../../model/session-error.js';
import { normaliseDevice } from '../../rules/device.js';
import type { RefreshOutcome, SessionRepository } from '../../storage/contract/session-repository.js';
import type { AccessTokenFormat } from '../../token/access-token.js';
import { nextTokens } from '../../token/new-tokens.js';
import { newSalt, parseRefreshToken, type RefreshToken } from '../../token/refresh-token.js';
import type { SessionSettings } from '../../options/settings.js';
import { tellFailedToken, tellSessions } from '../../telemetry/tell.js';
import { askAfterLoad, isLoad, type UserLoad } from '../users/user-load.js';
import type { IssuedSession, RefreshOptions } from './session-types.js';
import type { TokenIssuer } from './token-issuer.js';

export interface RefreshParts {
  readonly settings: Pick<SessionSettings, 'realm'>;
  readonly repository: SessionRepository;
  readonly issuer: TokenIssuer;
  readonly load: UserLoad;
}

/** A refresh, from top to bottom. See `SessionService.refresh`, which has checked the options. */
export async function refresh(
  { repository, issuer, load, settings: { realm } }: RefreshParts,
  refreshToken: string,
  { device, accessToken }: RefreshOptions,
): Promise<IssuedSession> {
  const normalised = normaliseDevice(device);
  const presented = parseRefreshToken(refreshToken);
  const { format, accessTokenTtlMs, graceMs } = issuer.settings;
  if (!presented || !(await isOfSameSession(presented, accessToken, format))) {
    tellFailedToken(realm, { token: 'refresh', failure: presented ? 'unknown' : 'malformed' });
    throw new SessionError('session_invalid');
  }
  const salt = newSalt();
  const offered = nextTokens(format, presented, salt);
  const request = {
    proof: presented,
    offer: { salt, refreshHash: offered.refresh.refreshHash, tokenHash: offered.proof.tokenHash },
    accessTokenTtlMs,
    graceMs,
    device: normalised,
  };
  const ask = () => repository.refresh(request);
  const first = await ask();
  const answer = isLoad(first) ? await askAfterLoad(first, ask, load) : first;
  const outcome = answer?.outcome ?? 'unknown';
  if (outcome === 'unknown') tellFailedToken(realm, { token: 'refresh', failure: 'unknown' });
  if (outcome === 'reused') tellSessions(realm, { change: 'ended', reason: 'refresh_reused', count: 1 });
  if (answer?.outcome !== 'refreshed') throw refusalOf(answer);
  tellSessions(realm, { change: 'refreshed', reason: 'refresh', count: 1 });
  // Another node's offer may have been first: its salt makes the same of the same token here as there.
  const won = answer.salt.equals(salt) ? offered : nextTokens(format, presented, answer.salt);
  return issuer.issue(won, answer, { at: answer.rotatedAt, endsAt: answer.tokenEndsAt });
}

async function isOfSameSession(
  presented: RefreshToken,
  accessToken: string | undefined,
  format: AccessTokenFormat,
): Promise<boolean> {
  if (accessToken === undefined) return true;
  const names = await format.read(accessToken);
  return names?.userRef === presented.userRef && names.sessionId === presented.sessionId;
}

const REFUSALS = {
  unknown: 'session_invalid',
  expired: 'session_expired',
  revoked: 'session_revoked',
} as const;

function refusalOf(answer: Exclude<RefreshOutcome, { outcome: 'refreshed' }> | undefined): SessionError {
  if (answer?.outcome === 'user_blocked') {
    return denialError({ reason: 'user_blocked', block: answer.user.block });
  }
  if (answer?.outcome === 'reused') return new SessionError('session_revoked', { reused: answer.session });
  return new SessionError(REFUSALS[answer?.outcome ?? 'unknown']);
}

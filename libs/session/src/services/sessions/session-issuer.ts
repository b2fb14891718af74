import { denialError, SessionError } from '../../model/session-error.js';
import { normaliseDevice } from '../../rules/device.js';
import { accessTokenEnd } from '../../rules/lifetime.js';
import type {
  NewFamily,
  RefreshOutcome,
  SessionRepository,
} from '../../storage/contract/session-repository.js';
import { askAfterLoad, isLoad, type Load } from '../users/user-load.js';
import type { AuthenticatedSession, IssuedSession, RefreshOptions } from './session-types.js';
import type { RefreshSettings } from '../../options/settings.js';
import type { AccessTokenFormat } from '../../token/access-token.js';
import { type NewTokens, newTokens, nextTokens } from '../../token/new-tokens.js';
import { newSalt, parseRefreshToken, type RefreshToken } from '../../token/refresh-token.js';

interface IssuerParts extends RefreshSettings {
  readonly format: AccessTokenFormat;
  readonly load: Load;
}

/** What a client gets, and what the repository knows of it. */
export interface Issue {
  readonly issued: IssuedSession;
  readonly proof: NewTokens['proof'];
}

/** Makes the tokens of sessions: the first ones, those that replace them, and those for a refresh token. */
export class SessionIssuer {
  constructor(
    private readonly repository: SessionRepository,
    private readonly parts: IssuerParts,
  ) {}

  begin(names: { readonly userRef: string; readonly sessionId: string }): NewTokens {
    return newTokens(this.parts.format, names, this.parts.isOn);
  }

  familyOf({ refresh }: NewTokens): { readonly family?: NewFamily } {
    if (!refresh) return {};
    const { familyHash, refreshHash } = refresh;
    return { family: { familyHash, refreshHash, accessTokenTtlMs: this.parts.accessTokenTtlMs } };
  }

  /** Writes tokens that the repository knows by now. */
  async issue(
    { proof, secret, refresh }: NewTokens,
    { session, user }: AuthenticatedSession,
    when: { readonly at: number; readonly endsAt?: number },
  ): Promise<Issue> {
    const { userRef, sessionId } = proof;
    const ttlMs = this.parts.accessTokenTtlMs;
    const endsAt = when.endsAt ?? accessTokenEnd(session, { at: when.at, ttlMs });
    const token = await this.parts.format.write({
      userId: user.id,
      userRef,
      sessionId,
      secret,
      issuedAt: when.at,
      expiresAt: refresh ? endsAt : session.absoluteExpiresAt,
    });
    const issued: IssuedSession = refresh
      ? { token, refreshToken: refresh.token, expiresAt: endsAt, session, user }
      : { token, expiresAt: session.expiresAt, session, user };
    return { issued, proof };
  }

  /** See `SessionService.refresh`. */
  async refresh(refreshToken: string, { device, accessToken }: RefreshOptions): Promise<Issue> {
    const normalised = normaliseDevice(device);
    const presented = parseRefreshToken(refreshToken);
    if (!presented || !(await this.isOfSameSession(presented, accessToken))) {
      throw new SessionError('session_invalid');
    }
    const { format, accessTokenTtlMs, graceMs, load } = this.parts;
    const salt = newSalt();
    const offered = nextTokens(format, presented, salt);
    const request = {
      proof: presented,
      offer: { salt, refreshHash: offered.refresh.refreshHash, tokenHash: offered.proof.tokenHash },
      accessTokenTtlMs,
      graceMs,
      device: normalised,
    };
    const ask = () => this.repository.refresh(request);
    const first = await ask();
    const answer = isLoad(first) ? await askAfterLoad(first, ask, load) : first;
    if (answer?.outcome !== 'refreshed') throw refusalOf(answer);
    // Another node's offer may have been first: its salt makes the same of the same token here as there.
    const won = answer.salt.equals(salt) ? offered : nextTokens(format, presented, answer.salt);
    return this.issue(won, answer, { at: answer.rotatedAt, endsAt: answer.tokenEndsAt });
  }

  private async isOfSameSession(presented: RefreshToken, accessToken: string | undefined): Promise<boolean> {
    if (accessToken === undefined) return true;
    const names = await this.parts.format.read(accessToken);
    return names?.userRef === presented.userRef && names.sessionId === presented.sessionId;
  }
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

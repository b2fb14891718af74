import type { RefreshSettings } from '../../options/settings.js';
import { accessTokenEnd } from '../../rules/lifetime.js';
import type { NewFamily } from '../../storage/contract/session-repository.js';
import type { AccessTokenFormat } from '../../token/access-token.js';
import { type NewTokens, newTokens } from '../../token/new-tokens.js';
import { keepCredential } from './session-credential.js';
import type { AuthenticatedSession, IssuedSession } from './session-types.js';

interface IssuerSettings extends RefreshSettings {
  readonly format: AccessTokenFormat;
}

/** What a login, a refresh and a replacement have in common: tokens before, and the client's copy of them after. */
export class TokenIssuer {
  constructor(readonly settings: IssuerSettings) {}

  newTokens(names: { readonly userRef: string; readonly sessionId: string }): NewTokens {
    return newTokens(this.settings.format, names, this.settings.isOn);
  }

  familyOf({ refresh }: NewTokens): { readonly family?: NewFamily } {
    if (!refresh) return {};
    const { familyHash, refreshHash } = refresh;
    return { family: { familyHash, refreshHash, accessTokenTtlMs: this.settings.accessTokenTtlMs } };
  }

  /** Writes tokens that the repository knows by now; the session can act for itself from here on. */
  async issue(
    { proof, secret, refresh }: NewTokens,
    { session, user }: AuthenticatedSession,
    when: { readonly at: number; readonly endsAt?: number },
  ): Promise<IssuedSession> {
    const { userRef, sessionId } = proof;
    const ttlMs = this.settings.accessTokenTtlMs;
    const endsAt = when.endsAt ?? accessTokenEnd(session, { at: when.at, ttlMs });
    const token = await this.settings.format.write({
      userId: user.id,
      userRef,
      sessionId,
      secret,
      issuedAt: when.at,
      expiresAt: refresh ? endsAt : session.absoluteExpiresAt,
    });
    keepCredential(session, proof);
    return refresh
      ? { token, refreshToken: refresh.token, expiresAt: endsAt, session, user }
      : { token, expiresAt: session.expiresAt, session, user };
  }
}

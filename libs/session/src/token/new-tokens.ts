import { type AccessTokenFormat, newSecret } from './access-token.js';
import { newRefreshToken, type RefreshToken, successorOf } from './refresh-token.js';

/** What a session is about to be opened with. */
export interface NewTokens {
  /** What the repository may know of the access token. */
  readonly proof: { readonly userRef: string; readonly sessionId: string; readonly tokenHash: Buffer };
  /** What the access token is made from. */
  readonly secret: Buffer;
  readonly refresh?: RefreshToken;
}

type Names = Pick<NewTokens['proof'], 'userRef' | 'sessionId'>;

/** Tokens that have nothing to do with any before them. */
export function newTokens(format: AccessTokenFormat, names: Names, withRefresh: boolean): NewTokens {
  const tokens = tokensOf(format, names, newSecret());
  return withRefresh ? { ...tokens, refresh: newRefreshToken(names) } : tokens;
}

/** The tokens that come after a refresh token, by this salt. */
export function nextTokens(
  format: AccessTokenFormat,
  presented: RefreshToken,
  salt: Buffer,
): NewTokens & { readonly refresh: RefreshToken } {
  const { refresh, accessSecret } = successorOf(presented, salt);
  return { ...tokensOf(format, presented, accessSecret), refresh };
}

function tokensOf(format: AccessTokenFormat, { userRef, sessionId }: Names, secret: Buffer): NewTokens {
  const names = { userRef, sessionId };
  return { proof: { ...names, tokenHash: format.hashOf(names, secret) }, secret };
}

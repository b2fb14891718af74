import { randomBytes, type JsonWebKey } from 'node:crypto';
import { mintToken, parseToken, type ParsedToken } from './session-token.js';

/** What an access token is made from. Instants are milliseconds since 1970 UTC, by the repository's clock. */
export interface AccessTokenParts {
  readonly userId: string;
  readonly userRef: string;
  readonly sessionId: string;
  /** 256 bits: the only part that nobody else knows. */
  readonly secret: Buffer;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** How access tokens are written and read: opaque, or as a JWT. What the repository keeps of either is a hash. */
export interface AccessTokenFormat {
  /** What the repository may know of the token with this secret: 32 bytes, which cover the token's type, too. */
  hashOf(names: Pick<AccessTokenParts, 'userRef' | 'sessionId'>, secret: Buffer): Buffer;
  write(parts: AccessTokenParts): string | Promise<string>;
  /** Takes a presented token apart, also a guest's; `undefined` for what is none of ours. Never asks the repository. */
  read(token: string): ParsedToken | undefined | Promise<ParsedToken | undefined>;
  /** The public keys by which others can tell that a token is ours; none where there are no such keys. */
  publicKeys(): Promise<readonly JsonWebKey[]>;
}

export function newSecret(): Buffer {
  return randomBytes(32);
}

/** `lk_` tokens: see session-token.ts. */
export const OPAQUE_TOKENS: AccessTokenFormat = {
  hashOf: (names, secret) => mintToken(names, secret).tokenHash,
  write: (parts) => mintToken(parts, parts.secret).token,
  read: parseToken,
  publicKeys: () => Promise.resolve([]),
};

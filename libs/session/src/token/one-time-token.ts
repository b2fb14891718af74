import { randomBytes } from 'node:crypto';
import { sha256 } from './sha256.js';

/**
 * A one-time token is `lko_` + the subject's userRef + token ID + secret, 85 characters of a fixed layout:
 *
 *     lko_ │ userRef: 22  │ token ID: 16 │ secret: 43
 *          │ 128 bits     │ 96 bits      │ 256 bits from the CSPRNG
 *
 * userRef and token ID only say where to look and are public. The repository keeps SHA-256 of the purpose and the whole
 * token: the same token for another purpose is simply unknown.
 */
const PREFIX = 'lko_';
const SHAPE = /^lko_[A-Za-z0-9_-]{81}$/;
const USER_REF_END = PREFIX.length + 22;
const TOKEN_ID_END = USER_REF_END + 16;

/** What the repository may know of a one-time token. */
export interface OneTimeTokenProof {
  readonly userRef: string;
  readonly tokenId: string;
  /** 32 bytes, which cover the token's type and its purpose. */
  readonly tokenHash: Buffer;
}

/** Makes a token for a subject; the only place where one is put together. */
export function mintOneTimeToken(
  userRef: string,
  purpose: string,
): OneTimeTokenProof & { readonly token: string } {
  const tokenId = randomBytes(12).toString('base64url');
  const token = PREFIX + userRef + tokenId + randomBytes(32).toString('base64url');
  return { token, userRef, tokenId, tokenHash: hashFor(purpose, token) };
}

/** Takes a presented token apart; `undefined` for anything that cannot be one, so that it never reaches the repository. */
export function parseOneTimeToken(token: unknown, purpose: string): OneTimeTokenProof | undefined {
  if (typeof token !== 'string' || !SHAPE.test(token)) return undefined;
  return {
    userRef: token.slice(PREFIX.length, USER_REF_END),
    tokenId: token.slice(USER_REF_END, TOKEN_ID_END),
    tokenHash: hashFor(purpose, token),
  };
}

function hashFor(purpose: string, token: string): Buffer {
  return sha256(`${purpose}\u0000${token}`);
}

import { createHmac, randomBytes } from 'node:crypto';
import { sha256 } from './sha256.js';

/**
 * A refresh token is `lkr_` + userRef + session ID + family secret + rotating secret, 128 characters of a fixed layout:
 *
 *     lkr_ │ userRef: 22 │ session ID: 16 │ family secret: 43 │ rotating secret: 43
 *
 * Both secrets are 256 bits. The family's stays the same from one token of a family to the next: it tells a token that
 * was used before from one that somebody made up. The repository keeps two hashes: SHA-256 of everything up to the
 * family secret, and of the whole token.
 *
 * A successor is derived from its predecessor and a salt that the repository keeps for a short while, so that whoever
 * presents the predecessor again gets the very same one; neither the salt alone nor the predecessor alone makes it.
 */
const PREFIX = 'lkr_';
const SHAPE = /^lkr_[A-Za-z0-9_-]{124}$/;
const USER_REF_END = PREFIX.length + 22;
const SESSION_ID_END = USER_REF_END + 16;
const FAMILY_END = SESSION_ID_END + 43;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;

interface Names {
  readonly userRef: string;
  readonly sessionId: string;
}

/** What the repository may know of a refresh token. */
interface RefreshProof extends Names {
  /** SHA-256 of what is the same in all tokens of the family: 32 bytes. */
  readonly familyHash: Buffer;
  /** SHA-256 of the token: 32 bytes. */
  readonly refreshHash: Buffer;
}

/** A refresh token and what the repository may know of it. */
export interface RefreshToken extends RefreshProof {
  readonly token: string;
}

/** What comes after a refresh token. */
export interface Successor {
  readonly refresh: RefreshToken;
  /** What the new access token is made from: 256 bits. */
  readonly accessSecret: Buffer;
}

/** The first refresh token of a new family. */
export function newRefreshToken({ userRef, sessionId }: Names): RefreshToken {
  const secrets = [randomBytes(SECRET_BYTES), randomBytes(SECRET_BYTES)];
  return hashed(
    PREFIX + userRef + sessionId + secrets.map((secret) => secret.toString('base64url')).join(''),
  );
}

/** Takes a presented refresh token apart; `undefined` for anything that cannot be one, so that it never reaches the repository. */
export function parseRefreshToken(token: string): RefreshToken | undefined {
  return typeof token === 'string' && SHAPE.test(token) ? hashed(token) : undefined;
}

export function newSalt(): Buffer {
  return randomBytes(SALT_BYTES);
}

/** The tokens that this salt makes of a refresh token: always the same. */
export function successorOf({ token }: RefreshToken, salt: Buffer): Successor {
  const secret = Buffer.from(token.slice(FAMILY_END), 'base64url');
  const derive = (what: 'refresh' | 'access'): Buffer =>
    createHmac('sha256', secret).update(what).update(salt).digest();
  return {
    refresh: hashed(token.slice(0, FAMILY_END) + derive('refresh').toString('base64url')),
    accessSecret: derive('access'),
  };
}

function hashed(token: string): RefreshToken {
  return {
    token,
    userRef: token.slice(PREFIX.length, USER_REF_END),
    sessionId: token.slice(USER_REF_END, SESSION_ID_END),
    familyHash: sha256(token.slice(0, FAMILY_END)),
    refreshHash: sha256(token),
  };
}

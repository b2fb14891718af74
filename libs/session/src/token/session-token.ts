import { randomBytes, timingSafeEqual } from 'node:crypto';
import { memo } from '../basics/memo.js';
import { SessionError } from '../model/session-error.js';
import { sha256 } from './sha256.js';

/**
 * A session token is `lk_` + userRef + session ID + secret, 84 characters of a fixed layout:
 *
 *     lk_ │ userRef: 22  │ session ID: 16 │ secret: 43
 *         │ 128 bits     │ 96 bits        │ 256 bits from the CSPRNG
 *
 * userRef and session ID only say where to look and are public. The repository keeps SHA-256 of the whole token
 * (so the hash covers its type, too), never the token. The prefix lets secret scanners find leaked ones.
 *
 * A guest's begins with `lkg_`: so a guest is refused before the repository is asked. Another prefix is another hash.
 */
const PREFIX = 'lk_';
const GUEST_PREFIX = 'lkg_';
const SHAPE = /^lkg?_[A-Za-z0-9_-]{81}$/;
const BODY_LENGTH = 81;
const USER_REF_LENGTH = 22;
const SESSION_ID_END = USER_REF_LENGTH + 16;

/** A token taken apart, its secret already hashed. */
export interface ParsedToken {
  readonly userRef: string;
  readonly sessionId: string;
  /** SHA-256 of the token: 32 bytes. */
  readonly tokenHash: Buffer;
  /** It says itself that its time is over: the repository may be asked whose it is, and nothing else for it. */
  readonly isExpired?: true;
  /** It opens a guest's session, or none. */
  readonly isGuest?: true;
}

/** A new token and what the repository may know of it. */
interface MintedToken extends ParsedToken {
  readonly token: string;
}

/**
 * The public, fixed-length name of a user inside tokens and keys: SHA-256 of the user id, cut to 128 bits.
 * @throws SessionError `bad_request` for what is no user id: a text of 1–256 characters that UTF-8 can hold
 */
export function userRefOf(userId: string): string {
  return sha256(`user:${wellFormed(userId)}`)
    .subarray(0, 16)
    .toString('base64url');
}

/**
 * The user id of somebody who logs in, or is acted upon.
 * @throws SessionError `bad_request` as `userRefOf` does, and for the form of a guest's
 */
export function checkedUserId(userId: unknown): string {
  const checked = wellFormed(userId);
  if (!isGuestId(checked)) return checked;
  throw new SessionError('bad_request', { detail: `User ids that begin with ${GUEST_ID} are guests'` });
}

function wellFormed(userId: unknown): string {
  // Half a surrogate pair would be stored as U+FFFD, and so be another user.
  if (typeof userId !== 'string' || userId === '' || userId.length > 256 || /\p{Surrogate}/u.test(userId)) {
    throw new SessionError('bad_request', { detail: 'A user id is a text of 1–256 well-formed characters' });
  }
  return userId;
}

/** How the ids of guests begin, and no user's. */
const GUEST_ID = 'latchkey:guest:';

/** The id of the record that one guest's session has to itself: 128 random bits that nobody chose. */
export function newGuestId(): string {
  return GUEST_ID + randomBytes(16).toString('base64url');
}

export function isGuestId(userId: string): boolean {
  return userId.startsWith(GUEST_ID);
}

const MOST_REMEMBERED = 10_000;

const rememberedRefOf = memo((userId) => {
  try {
    return userRefOf(userId);
  } catch {
    return ''; // of no user id: nobody's
  }
}, MOST_REMEMBERED);

/** Whether a user id that was read from a record is the one that a userRef is made of. */
export function isUserRefOf(userRef: string, userId: string): boolean {
  return rememberedRefOf(userId) === userRef;
}

/** A name for a session: 96 random bits. Not a credential. */
export function newSessionId(): string {
  return randomBytes(12).toString('base64url');
}

/**
 * Whether a value can be a session ID at all, such as a parameter of a path. It need not be one of a session that there is.
 * @example
 * ```ts
 * if (!isSessionId(id)) throw new NotFoundException();
 * ```
 * @publicApi
 */
export function isSessionId(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9_-]{16}$/.test(text);
}

/** Makes a token for a session; the only place where one is put together. */
export function mintToken(names: TokenNames, secret: Buffer = randomBytes(32)): MintedToken {
  return minted(PREFIX, names, secret);
}

/** As `mintToken`, for a guest's session. */
export function mintGuestToken(names: TokenNames): MintedToken {
  return { ...minted(GUEST_PREFIX, names, randomBytes(32)), isGuest: true };
}

interface TokenNames {
  readonly userRef: string;
  readonly sessionId: string;
}

function minted(prefix: string, { userRef, sessionId }: TokenNames, secret: Buffer): MintedToken {
  const token = prefix + userRef + sessionId + secret.toString('base64url');
  return { token, userRef, sessionId, tokenHash: sha256(token) };
}

/** Takes a presented token apart; `undefined` for anything that cannot be one, so that it never reaches the repository. */
export function parseToken(token: string): ParsedToken | undefined {
  // A list of one token would pass for its text.
  if (typeof token !== 'string' || !SHAPE.test(token)) return undefined;
  const at = token.length - BODY_LENGTH;
  const userRef = token.slice(at, at + USER_REF_LENGTH);
  const sessionId = token.slice(at + USER_REF_LENGTH, at + SESSION_ID_END);
  const tokenHash = sha256(token);
  return at === PREFIX.length
    ? { userRef, sessionId, tokenHash }
    : { userRef, sessionId, tokenHash, isGuest: true };
}

/** As `parseToken`, for guests' tokens only: they are opaque whatever users' are. */
export function parseGuestToken(token: string): ParsedToken | undefined {
  return typeof token === 'string' && token.startsWith(GUEST_PREFIX) ? parseToken(token) : undefined;
}

/** Whether two token hashes are the same, in a time that does not depend on where they differ. */
export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

import { isUtf8 } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import type { JwtAlgorithm } from '../options/jwt-options.js';

/** Room for the longest that we write; whatever is longer is not looked at. */
const MAX_TOKEN_LENGTH = 4096;
const HEADER_MEMBERS = ['alg', 'typ', 'kid'] as const;

type JwtHeader = Readonly<Record<(typeof HEADER_MEMBERS)[number], string>>;
export type JwtClaims = Readonly<Record<string, unknown>>;

/** What a text that is shaped like a JWT says of itself. Nothing of it is proved. */
interface UnverifiedJwt {
  readonly header: JwtHeader;
  readonly claims: JwtClaims;
}

/**
 * Takes apart what has exactly the form that `signJwt` writes: three parts of canonical base64url (RFC 7515 §2), JSON as
 * `JSON.stringify` writes it (so no member twice, RFC 8725 §2.4), and a header of `alg`, `typ` and `kid` alone. A header
 * with `jku`, `x5u`, `jwk`, `x5c` or `crit` is none of ours, so nothing that it names is ever followed.
 */
export function parseJwt(token: string): UnverifiedJwt | undefined {
  if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) return undefined;
  const [head, body, signature, ...more] = token.split('.');
  if (!head || !body || !signature || more.length > 0 || !decode(signature)) return undefined;
  const header = readJson(head);
  const claims = header && readJson(body);
  return claims && isHeader(header) ? { header, claims } : undefined;
}

/** Whether the signature is that of this key, by this algorithm and no other. */
export async function isSignedBy(token: string, key: KeyObject, algorithm: JwtAlgorithm): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    return false;
  }
}

export function signJwt(header: JwtHeader, claims: JwtClaims, key: KeyObject): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader(header).sign(key);
}

/**
 * What `exp`, `nbf` and `iat` say, all three of which must be there (RFC 7519 §4.1); `undefined` when they say nothing
 * sensible, or that the token is from the future. @param now milliseconds since 1970 UTC
 */
export function timeOf(
  { exp, nbf, iat }: JwtClaims,
  { now, toleranceMs }: { readonly now: number; readonly toleranceMs: number },
): { readonly isExpired: boolean; readonly lifetimeSeconds: number } | undefined {
  if (!isNumericDate(exp) || !isNumericDate(nbf) || !isNumericDate(iat) || exp < nbf || exp < iat)
    return undefined;
  if (Math.max(nbf, iat) * 1_000 > now + toleranceMs) return undefined;
  return { isExpired: exp * 1_000 + toleranceMs <= now, lifetimeSeconds: exp - iat };
}

function isNumericDate(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHeader(header: JwtClaims): header is JwtHeader {
  return (
    Object.keys(header).length === HEADER_MEMBERS.length &&
    HEADER_MEMBERS.every((name) => typeof header[name] === 'string')
  );
}

function readJson(part: string): JwtClaims | undefined {
  const bytes = decode(part);
  if (!bytes || !isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && JSON.stringify(value) === text ? (value as JwtClaims) : undefined;
  } catch {
    return undefined;
  }
}

/** Node takes other alphabets, padding, blanks and stray bits for base64url, too: only what comes out the same is. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

import {
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signWith,
} from 'node:crypto';
import type { JwtAlgorithm, JwtKey } from '@latchkey/session/jwt';

export const ALGORITHMS: readonly JwtAlgorithm[] = ['EdDSA', 'ES256', 'RS256', 'HS256'];

/** What signs: a private key, or the secret. */
export function newKey(algorithm: JwtAlgorithm): KeyObject {
  if (algorithm === 'HS256') return createSecretKey(randomBytes(32));
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

/** One key of a ring. */
export function ringKey(kid: string, key: KeyObject, when: Partial<JwtKey> = {}): JwtKey {
  return { kid, ...(key.type === 'secret' ? { secret: key } : { privateKey: key }), ...when };
}

/** Signs without any library, so that what is forged here owes nothing to the code that must refuse it. */
export function signatureOf(algorithm: string, input: string, key: KeyObject | Buffer): Buffer {
  const data = Buffer.from(input);
  if (algorithm === 'HS256') return createHmac('sha256', key).update(data).digest();
  const privateKey = key as KeyObject;
  if (algorithm === 'EdDSA') return signWith(null, data, privateKey);
  if (algorithm === 'ES256') return signWith('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return signWith('sha256', data, privateKey);
}

export function encode(part: unknown): string {
  const text = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part);
  return Buffer.from(text).toString('base64url');
}

/** A compact JWT; parts that are texts or bytes are taken as they are. */
export function compact(
  header: unknown,
  claims: unknown,
  { algorithm, key }: { readonly algorithm: string; readonly key: KeyObject | Buffer },
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signatureOf(algorithm, input, key).toString('base64url')}`;
}

/** What a token says. */
export function contentOf(token: string): {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
} {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  return { header: header ?? {}, claims: claims ?? {} };
}

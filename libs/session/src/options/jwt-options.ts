import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { Duration } from '../basics/duration.js';

/** Signature algorithm of JWTs (RFC 7518 §3.1, RFC 8037). `EdDSA` is Ed25519. @publicApi */
export type JwtAlgorithm = 'EdDSA' | 'ES256' | 'RS256' | 'HS256';

/**
 * One key of a key ring, with exactly one of `privateKey`, `publicKey` and `secret`. Instants are milliseconds since
 * 1970 UTC.
 * @publicApi
 */
export interface JwtKey {
  /** Key ID in a token's header (RFC 7515 §4.1.4): 1–64 letters, digits, `. _ -`, unique in the ring. Public. */
  readonly kid: string;
  /**
   * Signs and verifies: PEM, JWK or KeyObject. EdDSA: Ed25519 · ES256: P-256 · RS256: RSA of 2048–4096 bits.
   * @defaultValue none
   */
  readonly privateKey?: string | JsonWebKey | KeyObject;
  /**
   * Verifies only, for a key that no longer signs or that belongs to someone else: PEM, JWK or KeyObject.
   * @defaultValue none
   */
  readonly publicKey?: string | JsonWebKey | KeyObject;
  /**
   * For HS256: at least 32 random bytes (RFC 7518 §3.2), or an `oct` JWK. Text is refused: it tends to be a password.
   * @defaultValue none
   */
  readonly secret?: Uint8Array | JsonWebKey | KeyObject;
  /**
   * Instant from which the key signs. It verifies before that.
   * @defaultValue always
   */
  readonly activeAt?: number;
  /**
   * Instant from which tokens that it signed are refused.
   * @defaultValue never
   */
  readonly retiredAt?: number;
}

/** Public keys as others publish them (RFC 7517 §5). Keys for other uses and algorithms are skipped. @publicApi */
export interface JsonWebKeySet {
  /** The keys, as JWKs. */
  readonly keys: readonly JsonWebKey[];
}

/**
 * A key ring, or a function that fetches it. The function is called at boot, then once a minute, and for an unknown
 * `kid` at most every 5 s. While it fails, the last keys stay in use, each until its `retiredAt`.
 * @publicApi
 */
export type JwtKeys = readonly JwtKey[] | (() => readonly JwtKey[] | Promise<readonly JwtKey[]>);

/** The keys of another service: as `JwtKeys`, or as a JSON Web Key Set. @publicApi */
export type TrustedKeys = JwtKeys | JsonWebKeySet | (() => JsonWebKeySet | Promise<JsonWebKeySet>);

/** Options of JWT access tokens: the option `jwt`, with `accessToken: 'jwt'`. @publicApi */
export interface JwtOptions {
  /** The algorithm that signs. Tokens with any other are refused (RFC 8725 §3.1). */
  readonly algorithm: JwtAlgorithm;
  /** Issuer: the `iss` of tokens (RFC 7519 §4.1.1); any other is refused. 1–200 printable ASCII characters. */
  readonly issuer: string;
  /** Audience: the `aud` of tokens (RFC 7519 §4.1.3); any other is refused. 1–200 printable ASCII characters. */
  readonly audience: string;
  /** Key ring. The active key with the latest `activeAt` signs; every key that is not retired verifies. */
  readonly keys: JwtKeys;
  /**
   * Difference that is allowed between the clocks of nodes and Redis, 0–5 minutes.
   * @defaultValue `'30s'`
   */
  readonly clockTolerance?: Duration;
}

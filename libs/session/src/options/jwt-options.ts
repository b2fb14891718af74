import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { Duration } from '../basics/duration.js';

/** How JWTs are signed: one algorithm, and no other is ever accepted. EdDSA is Ed25519. @publicApi */
export type JwtAlgorithm = 'EdDSA' | 'ES256' | 'RS256' | 'HS256';

/**
 * One key of a key ring. It has exactly one of `privateKey`, `publicKey` and `secret`. Instants are milliseconds since
 * 1970 UTC.
 * @publicApi
 */
export interface JwtKey {
  /** Names the key in a token's header, and is public: 1–64 letters, digits and `. _ -`, each once in the ring. */
  readonly kid: string;
  /** Signs and verifies (EdDSA: Ed25519, ES256: P-256, RS256: RSA of 2048–4096 bits): PEM, JWK or KeyObject. */
  readonly privateKey?: string | JsonWebKey | KeyObject;
  /** Only verifies: of a key that no longer signs, or of somebody else. PEM, JWK or KeyObject. */
  readonly publicKey?: string | JsonWebKey | KeyObject;
  /** For HS256: at least 32 random bytes (RFC 7518 §3.2), or an `oct` JWK. A text is refused: texts are passwords. */
  readonly secret?: Uint8Array | JsonWebKey | KeyObject;
  /** From when it signs; it verifies before that already. Default: always. */
  readonly activeAt?: number;
  /** From when nothing that it signed is accepted. Default: never. */
  readonly retiredAt?: number;
}

/** Public keys as others publish them (RFC 7517 §5). Keys for other uses and algorithms are passed over. @publicApi */
export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[];
}

/**
 * The keys that are in use, or what fetches them: it is asked at boot, then once a minute and for an unknown `kid`
 * (every 5 s at most). While it fails, the keys of before go on, until each one's `retiredAt`.
 * @publicApi
 */
export type JwtKeys = readonly JwtKey[] | (() => readonly JwtKey[] | Promise<readonly JwtKey[]>);

/** The keys of somebody else, who may publish them as a set. Otherwise as `JwtKeys`. @publicApi */
export type TrustedKeys = JwtKeys | JsonWebKeySet | (() => JsonWebKeySet | Promise<JsonWebKeySet>);

/** What the option `jwt` takes. @publicApi */
export interface JwtOptions {
  /** The one algorithm, of signing and of verifying. */
  readonly algorithm: JwtAlgorithm;
  /** Who issues the tokens: their `iss`, of which nothing else is accepted. 1–200 printable ASCII characters. */
  readonly issuer: string;
  /** Whom the tokens are for: their `aud`, of which nothing else is accepted. 1–200 printable ASCII characters. */
  readonly audience: string;
  /** The newest active key signs; all that are not retired are accepted. */
  readonly keys: JwtKeys;
  /** How far the clocks of nodes and Redis may differ, 0–5 minutes. Default 30 seconds. */
  readonly clockTolerance?: Duration;
}

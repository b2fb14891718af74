import type { Clock } from '../../basics/clock.js';
import type { Duration } from '../../basics/duration.js';
import type { JwtAlgorithm, JwtKeys, TrustedKeys } from '../../options/jwt-options.js';

/** A service whose tokens are accepted. @publicApi */
export interface TrustedService {
  /** Its name: the `iss` of its tokens (RFC 7519 §4.1.1). */
  readonly service: string;
  /** The algorithm that signs its tokens. Tokens with any other are refused (RFC 8725 §3.1). */
  readonly algorithm: JwtAlgorithm;
  /**
   * Its public keys, a JSON Web Key Set, or a function that fetches either. A token never says where keys come from.
   * With HS256 it is a shared secret: either side can then sign as the other.
   */
  readonly keys: TrustedKeys;
}

/** Options of `ServiceTokensModule.forRoot()` and of the factory of `forRootAsync()`. @publicApi */
export interface ServiceTokensOptions {
  /**
   * This service's name: the `iss` of tokens that it signs, and the `aud` that tokens for it must have. 1–200 printable
   * ASCII characters.
   */
  readonly service: string;
  /**
   * Algorithm and keys that sign this service's tokens.
   * @defaultValue none: it cannot sign
   */
  readonly signing?: { readonly algorithm: JwtAlgorithm; readonly keys: JwtKeys };
  /**
   * Services whose tokens are accepted.
   * @defaultValue none
   */
  readonly trust?: readonly TrustedService[];
  /**
   * Difference that is allowed between the services' clocks, 0–5 minutes.
   * @defaultValue `'5s'`
   */
  readonly clockTolerance?: Duration;
  /**
   * Clock, for tests.
   * @defaultValue the system's clock
   */
  readonly clock?: Clock;
}

/** A service token to sign. @publicApi */
export interface NewServiceToken {
  /** Audience: the name of the service that the token is for, as that service calls itself. */
  readonly to: string;
  /** Scopes that it grants: at most 20 names of 1–64 letters, digits, `. _ : -`. */
  readonly scopes: readonly string[];
  /**
   * Subject on whose behalf the service calls, such as a user id: 1–256 characters. A note, not a proof.
   * @defaultValue the service itself
   */
  readonly subject?: string;
  /**
   * Lifetime, 1 second–5 minutes.
   * @defaultValue `'60s'`
   */
  readonly ttl?: Duration;
}

/** What a service token proves. @publicApi */
export interface ServiceCall {
  /** The service that signed it. */
  readonly issuer: string;
  /** On whose behalf it says to call. */
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Names this token: for logs, and for whoever wants to see each once. */
  readonly id: string;
  /** Milliseconds since 1970 UTC. */
  readonly expiresAt: number;
}

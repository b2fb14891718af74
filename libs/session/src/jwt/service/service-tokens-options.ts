import type { Clock } from '../../basics/clock.js';
import type { Duration } from '../../basics/duration.js';
import type { JwtAlgorithm, JwtKeys, TrustedKeys } from '../../options/jwt-options.js';

/** A service whose tokens are believed. @publicApi */
export interface TrustedService {
  /** Its name: the `iss` of its tokens. */
  readonly service: string;
  /** The one algorithm that its tokens are signed by. */
  readonly algorithm: JwtAlgorithm;
  /**
   * Its public keys, a JSON Web Key Set, or a function that fetches either from a place of your choice; nothing in a token
   * says where keys come from. With HS256, a secret that both sides have: then either can sign as the other.
   */
  readonly keys: TrustedKeys;
}

/** What `ServiceTokensModule.forRoot()` takes. @publicApi */
export interface ServiceTokensOptions {
  /** This service's name: the `iss` of the tokens that it signs, and the `aud` without which it takes none. 1–200 printable ASCII characters. */
  readonly service: string;
  /** With what it signs. Default: it signs none. */
  readonly signing?: { readonly algorithm: JwtAlgorithm; readonly keys: JwtKeys };
  /** Whose tokens it takes. Default nobody's. */
  readonly trust?: readonly TrustedService[];
  /** How far the services' clocks may differ, 0–5 minutes. Default 5 seconds. */
  readonly clockTolerance?: Duration;
  /** For tests. Default the system's. */
  readonly clock?: Clock;
}

/** @publicApi */
export interface NewServiceToken {
  /** The service that the token is for: its name there. */
  readonly to: string;
  /** What it allows: at most 20 names of 1–64 letters, digits and `. _ : -`. */
  readonly scopes: readonly string[];
  /** On whose behalf, such as a user id: 1–256 characters. It is a note, no proof. Default: the service itself. */
  readonly subject?: string;
  /** How long it is good for: 1 second to 5 minutes. Default 60 seconds. */
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

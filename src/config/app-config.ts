import type { JwtAlgorithm } from '@latchkey/session/jwt';

/** Where everything that must be kept lives. */
export type Storage =
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[]; readonly login: RedisLogin }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      readonly name: string;
      readonly login: RedisLogin;
    };

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** How to log in where there is no URL to say it. */
export interface RedisLogin {
  readonly username?: string;
  readonly password?: string;
}

/** Access tokens as JWTs. */
export interface JwtConfig {
  readonly algorithm: JwtAlgorithm;
  /** A JSON Web Key Set of private keys. Absent: a development key, which production refuses. */
  readonly keysFile?: string;
}

/** The cost of argon2id. */
export interface PasswordCost {
  readonly memoryKib: number;
  readonly passes: number;
}

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB and two passes, with one lane. */
export const OWASP_COST: PasswordCost = { memoryKib: 19_456, passes: 2 };

/** What the environment says, checked. */
export interface AppConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly storage: Storage;
  /** How long each call of Redis may take, in milliseconds; then the request is answered with 503. */
  readonly redisTimeoutMs: number;
  /** `NODE_ENV` is `production`: no demo accounts, no memory unless asked for. */
  readonly production: boolean;
  readonly allowMemory: boolean;
  /** Which proxies are believed about the client IP: how many hops, or their CIDRs. Absent: none. */
  readonly trustProxy?: number | readonly string[];
  /** The header in which they write it, lower-case. */
  readonly forwardedHeader: string;
  /** What a password hash costs. No environment variable makes it cheaper. */
  readonly passwordCost: PasswordCost;
  /** Wrong passwords per hour for one account from one client IP; looser ones follow from it. */
  readonly loginQuota: number;
  /** Posts per minute of one user. */
  readonly postQuota: number;
  /** Other requests per minute of one session. */
  readonly sessionQuota: number;
  /** Short access tokens, and refresh tokens that work once. */
  readonly refresh: boolean;
  /** What seals the data of sessions: the first key; the others only open. Absent: nothing is sealed. */
  readonly dataKeys?: readonly { readonly id: string; readonly key: Buffer }[];
  /** Session data from before there were keys is still good. */
  readonly acceptPlainData: boolean;
  /** The origin that browsers see. Absent: the request's own. */
  readonly publicOrigin?: string;
  /** Other origins whose pages may use the API with cookies. */
  readonly allowedOrigins: readonly string[];
  /** What reads `/metrics` from elsewhere, as a bearer token. Absent: only this machine does. */
  readonly metricsToken?: string;
  /** `json`: a line of JSON for each warning and each act. */
  readonly logFormat: 'text' | 'json';
  /** Absent: access tokens are opaque. */
  readonly jwt?: JwtConfig;
}

/** Injection key of the `AppConfig`. */
export const APP_CONFIG = Symbol('app:config');

/** A setting that cannot work. The message is one line that names the environment variable. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(
    readonly variable: string,
    problem: string,
  ) {
    super(`${variable} ${problem}`);
  }
}

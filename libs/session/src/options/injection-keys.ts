/** Injection key of the `Storage` that the options chose: all repositories, opened once. */
export const STORAGE = Symbol('latchkey:storage');
/** Injection key of the storage's `SessionRepository`. */
export const SESSION_REPOSITORY = Symbol('latchkey:repository');
/** Injection key of the checked options, `SessionSettings`. */
export const SESSION_SETTINGS = Symbol('latchkey:settings');
/** Injection key of the `AuditRepository` beside it. */
export const AUDIT_REPOSITORY = Symbol('latchkey:audit-repository');
/** Injection key of the `OneTimeTokenRepository` beside it. */
export const ONE_TIME_TOKEN_REPOSITORY = Symbol('latchkey:one-time-token-repository');
/** Injection key of the `AccessTokenFormat` that the options chose. */
export const ACCESS_TOKENS = Symbol('latchkey:access-tokens');
/** Injection key of the `Clock` by which tokens that carry their own times are written and read. */
export const TOKEN_CLOCK = Symbol('latchkey:token-clock');
/** Injection key of what stands before every handler: `SessionGuard` with `guard: 'global'`, else nothing. */
export const GLOBAL_GUARD = Symbol('latchkey:global-guard');

import { HttpException } from '@nestjs/common';
import type { DenyReason } from './decision.js';
import { ERROR_CODES, type SessionErrorCode } from './error-codes.js';
import { type Problem, problemOf } from './problem.js';
import type { QuotaResult } from './quota.js';
import type { Session } from './session.js';
import type { Block } from './user-state.js';

/** What a `SessionError` carries besides its code. @publicApi */
export interface SessionErrorDetails {
  /** With `user_blocked`: why, and until when. */
  readonly block?: Block;
  /** With `rate_limited`: the quotas that were looked at. */
  readonly quotas?: readonly QuotaResult[];
  /** With `session_revoked`: a refresh token was used twice, and this has just ended the session, here as it was. For audits. */
  readonly reused?: Session;
  /** With 429 and 503: after how many seconds a retry makes sense. */
  readonly retryAfterSeconds?: number;
  /** With `forbidden` to a service: the scopes that it needs. */
  readonly scopes?: readonly string[];
  /** What went wrong inside; for logs, never for clients. */
  readonly cause?: unknown;
  /** Replaces the catalogue's title as the sentence for people. */
  readonly detail?: string;
}

const HIDDEN = { enumerable: false, writable: true, configurable: true };
const BRAND: unique symbol = Symbol.for('@latchkey/session:error') as never;

/**
 * The one error class of the library. `code` is stable, `statusCode` is the HTTP status that it maps to; the message
 * is safe to show to a client. What went wrong inside is in `cause` and never leaves the process.
 *
 * It is an `HttpException`, so that any filter for those answers with the right status: `getResponse()` is the problem,
 * and so is what JSON makes of the error.
 * @example
 * ```ts
 * try {
 *   await sessions.create(userId, { ifEpoch: epoch });
 * } catch (error) {
 *   if (error instanceof SessionError && error.code === 'user_blocked') console.log(error.block?.reason);
 *   else throw error;
 * }
 * ```
 * @publicApi
 */
export class SessionError extends HttpException {
  /** An app may come to hold two copies of this package, as ESM and as CommonJS: an error of either is one. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** @internal */
  readonly [BRAND] = true;
  override readonly name = 'SessionError';
  readonly statusCode: number;
  readonly title: string;
  readonly block?: Block;
  readonly quotas?: readonly QuotaResult[];
  readonly reused?: Session;
  readonly scopes?: readonly string[];
  readonly retryAfterSeconds?: number;

  constructor(
    readonly code: SessionErrorCode,
    details: SessionErrorDetails = {},
  ) {
    const { status: statusCode, title, isRetryable } = ERROR_CODES[code];
    const { detail = title, block, quotas } = details;
    super(problemOf({ code, status: statusCode, title, detail, block, quotas }), statusCode);
    this.message = detail;
    // Nest's class would show it in every copy of the error.
    if (details.cause !== undefined)
      Object.defineProperty(this, 'cause', { ...HIDDEN, value: details.cause });
    this.statusCode = statusCode;
    this.title = title;
    if (block) this.block = block;
    if (quotas) this.quotas = quotas;
    if (details.reused) this.reused = details.reused;
    if (details.scopes) this.scopes = details.scopes;
    if (isRetryable)
      this.retryAfterSeconds = details.retryAfterSeconds ?? retryAfterSeconds(details.quotas ?? []);
  }

  /** With Nest's `status`, what Express's `http-errors` have: so a reply outside Nest has the right status, too. */
  get expose(): boolean {
    return true;
  }

  /** Where GraphQL servers look for what an error says besides its message. */
  get extensions(): Problem {
    return this.getResponse();
  }

  override getResponse(): Problem {
    return super.getResponse() as Problem;
  }

  /** A filter that serialises the error itself says no more than one that asks it for its response. */
  toJSON(): Problem {
    return this.getResponse();
  }
}

/** The error that a denial is to a client. */
export function denialError(denial: {
  readonly reason: DenyReason;
  readonly block?: Block | undefined;
  readonly quotas?: readonly QuotaResult[];
}): SessionError {
  const { reason, block, quotas } = denial;
  return new SessionError(reason, {
    ...(block ? { block } : {}),
    ...(reason === 'rate_limited' && quotas ? { quotas } : {}),
  });
}

/**
 * An option that cannot work. Thrown at boot; the message names the option and says what would be right.
 * @example
 * ```ts
 * try {
 *   await app.init();
 * } catch (error) {
 *   if (error instanceof SessionConfigurationError) console.error(`${error.option}: ${error.message}`);
 *   process.exitCode = 1;
 * }
 * ```
 * @publicApi
 */
export class SessionConfigurationError extends Error {
  override readonly name = 'SessionConfigurationError';
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(`@latchkey/session: ${option} ${message}`);
  }
}

/** The cause of a call that Redis did not carry out, and will not: it was never sent, or was refused. */
export class NotRunError extends Error {}

/** Whether what rejected may have taken place all the same, as a call that timed out may. */
export function mayHaveRun(error: unknown): boolean {
  return !(error instanceof SessionError && error.cause instanceof NotRunError);
}

/**
 * The error of a call that failed. Of the cause only its message: ioredis puts a command's arguments, token hashes among
 * them, beside it.
 */
export function unavailable(error: unknown, hasRun: 'no' | 'perhaps' = 'perhaps'): SessionError {
  const cause = hasRun === 'no' ? new NotRunError(messageOf(error)) : new Error(messageOf(error));
  return new SessionError('session_store_unavailable', { cause });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** When the last of the quotas that refused has room again. */
function retryAfterSeconds(quotas: readonly QuotaResult[]): number {
  const waits = quotas
    .filter(({ allowed }) => !allowed)
    .map(({ retryAfterMs }) => Math.ceil(retryAfterMs / 1_000));
  return Math.max(1, ...waits);
}

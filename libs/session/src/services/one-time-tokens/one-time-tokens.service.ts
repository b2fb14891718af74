import { Inject, Injectable } from '@nestjs/common';
import { type Duration, toMilliseconds } from '../../basics/duration.js';
import { anything, epoch, fieldsOf, type Inputs, yesOrNo } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import { NAME_PATTERN } from '../../rules/roles.js';
import type { OneTimeTokenRepository } from '../../storage/contract/one-time-token-repository.js';
import { ONE_TIME_TOKEN_REPOSITORY, SESSION_SETTINGS } from '../../options/injection-keys.js';
import { tellFailedToken } from '../../telemetry/tell.js';
import type { SessionSettings } from '../../options/settings.js';
import { mintOneTimeToken, parseOneTimeToken } from '../../token/one-time-token.js';
import { checkedUserId, userRefOf } from '../../token/session-token.js';
import { UserStateService } from '../users/user-state.service.js';

/** Options of `OneTimeTokens.issue()`. @publicApi */
export interface OneTimeTokenOptions {
  /** Lifetime of the token, 1 second–31 days. */
  readonly ttl: Duration;
  /**
   * JSON value that `consume()` returns, at most 2 KiB.
   * @defaultValue none
   */
  readonly data?: unknown;
  /**
   * Void every older token of this purpose and subject. Otherwise the newest five stay usable.
   * @defaultValue `false`
   */
  readonly replaceOlder?: boolean;
  /**
   * Epoch of the user who asks, as their session had it. The call fails with `epoch_changed` when a block, a password
   * change or a "log out everywhere" came in between. Leave it out only where anyone may ask.
   * @defaultValue no such check
   */
  readonly ifEpoch?: number;
}

/** The token is shown here once and kept nowhere. @publicApi */
export interface IssuedOneTimeToken {
  readonly token: string;
  /** Milliseconds since 1970 UTC, by the repository's clock. */
  readonly expiresAt: number;
}

/** Options of `OneTimeTokens.consume()`. @publicApi */
export interface ConsumeOptions {
  /**
   * End every session of the subject in the same step, as for a password reset.
   * @defaultValue `false`
   */
  readonly revokeAll?: boolean;
}

/** What a token that was right stood for. @publicApi */
export interface ConsumedOneTimeToken {
  readonly subject: string;
  readonly data: unknown;
  /** The subject's epoch at this moment, for an `ifEpoch`; absent for a subject that is no user with a record. */
  readonly epoch?: number;
}

const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 31 * 86_400_000;
const MAX_DATA_BYTES = 2_048;

const ISSUE: Inputs<OneTimeTokenOptions> = {
  ttl: anything, // by checkedTtl
  data: anything, // by checkedData
  replaceOlder: yesOrNo,
  ifEpoch: epoch,
};
const CONSUME: Inputs<ConsumeOptions> = { revokeAll: yesOrNo };

/**
 * Tokens that work once: in a message that lets somebody reset a password or proves an e-mail address. Opaque, kept as
 * a hash, bound to a purpose. For a subject who is a user they are bound to the user's epoch: a block, a password
 * change or a "log out everywhere" voids those that were issued before. Subjects without a user record work as well,
 * such as an address before there is an account; a token is void when its subject has a record by the time it is used.
 *
 * Every method rejects with `SessionError`: `bad_request` for an argument that cannot work, `session_store_unavailable`
 * when Redis cannot answer in time.
 * @example
 * ```ts
 * const { token } = await oneTimeTokens.issue('password-reset', userId, { ttl: '30m', replaceOlder: true });
 * // later, with the token from the message:
 * const { subject } = await oneTimeTokens.consume(token, 'password-reset', { revokeAll: true });
 * ```
 * @publicApi
 */
@Injectable()
export class OneTimeTokens {
  /** @internal */
  constructor(
    @Inject(ONE_TIME_TOKEN_REPOSITORY) private readonly repository: OneTimeTokenRepository,
    @Inject(SESSION_SETTINGS) private readonly settings: SessionSettings,
    private readonly users: UserStateService,
  ) {}

  /**
   * Makes a token.
   * @param purpose what it is for, 1–64 letters, digits and `. _ : -`; it works for nothing else
   * @param subject whom or what it is about: a user id, or another text of 1–256 characters
   * @throws SessionError `epoch_changed` with an `ifEpoch` that is no longer the user's
   */
  async issue(purpose: string, subject: string, given: OneTimeTokenOptions): Promise<IssuedOneTimeToken> {
    const options = fieldsOf(given, 'options', ISSUE);
    const ttlMs = checkedTtl(options.ttl);
    const data = checkedData(options.data);
    const { token, ...proof } = mintOneTimeToken(userRefOf(subject), checkedPurpose(purpose));
    if (this.settings.userDirectory) await this.users.get(subject); // loads the record that it will be bound to
    const issued = await this.repository.issue({
      ...proof,
      subject,
      purpose,
      ttlMs,
      data,
      replaceOlder: options.replaceOlder ?? false,
      ifEpoch: options.ifEpoch,
    });
    if (issued.outcome === 'epoch_changed') throw new SessionError('epoch_changed');
    return { token, expiresAt: issued.expiresAt };
  }

  /**
   * Uses a token up. However many try at once, on however many nodes, one of them gets it.
   * @param token as a client presented it: anything
   * @throws SessionError `token_invalid`, for every reason the same: unknown, used, expired, issued for another purpose
   * or before the user's last block or password change. A token tried for a wrong purpose stays good for its own.
   */
  async consume(
    token: unknown,
    purpose: string,
    options: ConsumeOptions = {},
  ): Promise<ConsumedOneTimeToken> {
    const { revokeAll = false } = fieldsOf(options, 'options', CONSUME);
    const proof = parseOneTimeToken(token, checkedPurpose(purpose));
    const consumed = proof && (await this.repository.consume(proof, { revokeAll }));
    if (!consumed) {
      tellFailedToken(this.settings.realm, { token: 'one_time', failure: proof ? 'unknown' : 'malformed' });
      throw new SessionError('token_invalid');
    }
    const { subject, data, epoch } = consumed;
    return {
      subject,
      data: data === '' ? undefined : (JSON.parse(data) as unknown),
      ...(epoch === undefined ? {} : { epoch }),
    };
  }

  /** Voids all tokens of a purpose and a subject. @returns how many could still have been used */
  async revoke(purpose: string, subject: string): Promise<number> {
    return this.repository.revoke(checkedUserId(subject), checkedPurpose(purpose));
  }
}

function checkedPurpose(purpose: string): string {
  if (typeof purpose !== 'string' || !NAME_PATTERN.test(purpose)) {
    throw badRequest('A purpose is 1–64 letters, digits and . _ : -');
  }
  return purpose;
}

function checkedTtl(ttl: Duration): number {
  try {
    const ttlMs = toMilliseconds(ttl);
    if (ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return ttlMs;
  } catch {
    // told below
  }
  throw badRequest('A one-time token lives for 1 second to 31 days');
}

function checkedData(data: unknown): string {
  if (data === undefined) return '';
  let json: string | undefined;
  let values = 0;
  try {
    // undefined for a function, whatever the types say
    json = JSON.stringify(data, (_key, value: unknown) => {
      // Each takes a byte at least; an object that holds another twice, and so on, would never end.
      if (++values > MAX_DATA_BYTES) throw new RangeError('too many values');
      return value;
    });
  } catch {
    // told below
  }
  const isTooLarge =
    values > MAX_DATA_BYTES || (json !== undefined && Buffer.byteLength(json) > MAX_DATA_BYTES);
  if (json === undefined && !isTooLarge) {
    throw badRequest('The data of a one-time token is what JSON can hold');
  }
  if (json === undefined || isTooLarge) {
    throw badRequest(`The data of a one-time token is at most ${MAX_DATA_BYTES} bytes of JSON`);
  }
  return json;
}

function badRequest(detail: string): SessionError {
  return new SessionError('bad_request', { detail });
}

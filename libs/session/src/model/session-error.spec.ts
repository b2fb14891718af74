import type { DenyReason } from './decision.js';
import { SessionConfigurationError, SessionError, denialError } from './session-error.js';

const DENIALS: Readonly<Record<DenyReason, number>> = {
  session_missing: 401,
  session_invalid: 401,
  user_blocked: 403,
  session_revoked: 401,
  session_expired: 401,
  ip_not_allowed: 403,
  rate_limited: 429,
  reauthentication_required: 401,
  forbidden: 403,
};

describe('SessionError', () => {
  it.each(Object.entries(DENIALS))('has a status for the denial %s: %d', (reason, status) => {
    const error = denialError({ reason: reason as DenyReason });
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toMatchObject({ name: 'SessionError', code: reason, statusCode: status });
    expect(error.message).toBe(error.title);
  });

  it('carries the block of a denial, and nothing where there is none', () => {
    const block = { reason: 'spam', at: 1 };
    expect(denialError({ reason: 'user_blocked', block }).block).toEqual(block);
    expect(denialError({ reason: 'user_blocked', block: undefined }).block).toBeUndefined();
  });

  it('says when to retry exactly where a retry makes sense', () => {
    expect(new SessionError('session_store_unavailable').retryAfterSeconds).toBe(1);
    expect(new SessionError('session_store_unavailable', { retryAfterSeconds: 5 }).retryAfterSeconds).toBe(5);
    expect(new SessionError('forbidden', { retryAfterSeconds: 5 }).retryAfterSeconds).toBeUndefined();
  });

  it('keeps what went wrong inside out of its message', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:6379');
    const error = new SessionError('session_store_unavailable', { cause });
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain('10.0.0.7');
    expect(new SessionError('bad_request', { detail: 'A reason is missing' }).message).toBe(
      'A reason is missing',
    );
  });
});

describe('SessionConfigurationError', () => {
  it('names the option', () => {
    const error = new SessionConfigurationError('keyPrefix', 'must not be empty');
    expect(error.option).toBe('keyPrefix');
    expect(error.message).toBe('@latchkey/session: keyPrefix must not be empty');
  });
});

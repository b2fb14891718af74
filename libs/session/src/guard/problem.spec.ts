import type { SessionErrorCode } from '../model/error-codes.js';
import { SessionError } from '../model/session-error.js';
import type { NodeRequest } from '../contexts/http/http.js';
import { deniedSessionOf, problemHeaders, toProblem } from './problem.js';
import { setRequestAccess } from './calls/request-access.js';

describe('toProblem', () => {
  it('has the members of RFC 9457 and the code', () => {
    expect(toProblem(new SessionError('session_expired'))).toEqual({
      type: 'urn:problem-type:latchkey:session_expired',
      title: 'The session timed out',
      status: 401,
      detail: 'The session timed out',
      code: 'session_expired',
    });
  });

  it('tells why and until when a user is blocked, and neither by whom nor since when', () => {
    const block = { reason: 'spam', until: Date.UTC(2030, 0, 1), by: 'mia', at: 5 };
    expect(toProblem(new SessionError('user_blocked', { block })).block).toEqual({
      reason: 'spam',
      until: '2030-01-01T00:00:00.000Z',
    });
    expect(toProblem(new SessionError('user_blocked', { block: { reason: 'spam', at: 5 } })).block).toEqual({
      reason: 'spam',
    });
  });

  it('never leaks the cause', () => {
    const error = new SessionError('session_store_unavailable', {
      cause: new Error('redis://:secret@10.0.0.1'),
    });
    expect(JSON.stringify([toProblem(error), problemHeaders(error)])).not.toContain('secret');
  });
});

describe('deniedSessionOf', () => {
  it('says what a denial means for the session behind the request', () => {
    const said = (code: SessionErrorCode) => deniedSessionOf(new SessionError(code));
    expect(said('session_missing')).toBe('missing');
    expect(said('session_invalid')).toBe('unknown');
    for (const code of ['user_blocked', 'session_revoked', 'session_expired'] as const)
      expect(said(code)).toBe('over');
    for (const code of ['ip_not_allowed', 'rate_limited', 'reauthentication_required', 'forbidden'] as const)
      expect(said(code)).toBe('alive');
    expect(said('cross_origin')).toBeUndefined();
  });
});

describe('problemHeaders', () => {
  it.each([
    ['session_missing', 'Bearer realm="session"'],
    [
      'session_invalid',
      'Bearer realm="session", error="invalid_token", error_description="The session is not valid"',
    ],
    [
      'session_revoked',
      'Bearer realm="session", error="invalid_token", error_description="The session was ended"',
    ],
    [
      'session_expired',
      'Bearer realm="session", error="invalid_token", error_description="The session timed out"',
    ],
  ] as const)('challenges %s as RFC 6750 has it', (code, challenge) => {
    expect(problemHeaders(new SessionError(code))).toEqual({
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'WWW-Authenticate': challenge,
    });
  });

  it('says what reauthentication would be enough, as RFC 9470 has it', () => {
    const request = { headers: {}, method: 'GET' } as NodeRequest;
    setRequestAccess(request, {
      realm: {},
      requirements: { roleGroups: [], maxAuthenticationAgeMs: 600_000, assurance: 'aal2' },
    });
    expect(problemHeaders(new SessionError('reauthentication_required'), request)['WWW-Authenticate']).toBe(
      'Bearer realm="session", error="insufficient_user_authentication", ' +
        'error_description="A fresh or stronger authentication is required", acr_values="aal2", max_age="600"',
    );
  });

  it('challenges nobody on a 403, and says when to retry on a 503', () => {
    expect(problemHeaders(new SessionError('forbidden'))).not.toHaveProperty('WWW-Authenticate');
    expect(problemHeaders(new SessionError('session_store_unavailable'))).toHaveProperty('Retry-After', '1');
  });
});

import * as fc from 'fast-check';
import type { SessionTimes, UserEpoch } from './session-status.js';
import { sessionStatus } from './session-status.js';

const LOGIN_AT = 1_000_000;
const session: SessionTimes = {
  epoch: 7,
  lifetime: { inactivityTimeoutMs: 100, absoluteTimeoutMs: 1_000 },
  authenticatedAt: LOGIN_AT,
  lastSeenAt: LOGIN_AT,
};
const user: UserEpoch = { epoch: 7, epochAt: LOGIN_AT - 5, roles: [] };

function statusAt(passedMs: number, change: Partial<SessionTimes & { user: Partial<UserEpoch> }> = {}) {
  return sessionStatus(
    { ...session, ...change },
    { ...user, ...change.user },
    {
      now: LOGIN_AT + passedMs,
      roleLifetimes: new Map([['admin', { inactivityTimeoutMs: 50, absoluteTimeoutMs: 1_000 }]]),
      rememberEndedMs: 500,
    },
  );
}

describe('sessionStatus', () => {
  it('is live until the very instant of its end, then expired since that', () => {
    expect(statusAt(0)).toEqual({ status: 'live' });
    expect(statusAt(99)).toEqual({ status: 'live' });
    expect(statusAt(100)).toEqual({ status: 'expired', endedAt: LOGIN_AT + 100 });
    expect(statusAt(999, { lastSeenAt: LOGIN_AT + 990 })).toEqual({ status: 'live' });
    expect(statusAt(1_000, { lastSeenAt: LOGIN_AT + 990 })).toMatchObject({ status: 'expired' });
  });

  it('goes by the roles of this moment', () => {
    expect(statusAt(50)).toEqual({ status: 'live' });
    expect(statusAt(50, { user: { roles: ['admin'] } })).toEqual({
      status: 'expired',
      endedAt: LOGIN_AT + 50,
    });
  });

  it('is revoked since its own end, or since the epoch began that is not its own', () => {
    expect(statusAt(10, { endedAt: LOGIN_AT + 3 })).toEqual({ status: 'revoked', endedAt: LOGIN_AT + 3 });
    const later = { epoch: 8, epochAt: LOGIN_AT + 4 };
    expect(statusAt(10, { user: later })).toEqual({ status: 'revoked', endedAt: LOGIN_AT + 4 });
    expect(statusAt(10, { user: { ...later, epoch: 6 } })).toMatchObject({ status: 'revoked' });
    expect(statusAt(10, { user: later, endedAt: LOGIN_AT + 3 })).toMatchObject({ endedAt: LOGIN_AT + 3 });
    expect(statusAt(200, { user: later })).toMatchObject({ status: 'revoked' });
  });

  it('is unknown once more time has passed since its end than it is remembered', () => {
    expect(statusAt(600)).toMatchObject({ status: 'expired' });
    expect(statusAt(601)).toEqual({ status: 'unknown', endedAt: LOGIN_AT + 100 });
    expect(statusAt(503, { endedAt: LOGIN_AT + 3 })).toMatchObject({ status: 'revoked' });
    expect(statusAt(504, { endedAt: LOGIN_AT + 3 })).toMatchObject({ status: 'unknown' });
  });

  it('never becomes live by the mere passing of time', () => {
    fc.assert(
      fc.property(fc.nat({ max: 3_000 }), fc.nat({ max: 3_000 }), (one, more) => {
        fc.pre(statusAt(one).status !== 'live');
        expect(statusAt(one + more).status).not.toBe('live');
      }),
    );
  });
});

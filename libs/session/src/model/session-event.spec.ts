import { parseSessionEvent } from './session-event.js';

describe('the line that an event travels as', () => {
  it('has a name, the user, the version, the epoch, perhaps a session, and the user id whatever is in it', () => {
    expect(parseSessionEvent('session.revoked REF 1790000000001 81604378625 SESSION 42 or so\n- 7')).toEqual({
      name: 'session.revoked',
      userRef: 'REF',
      version: 1_790_000_000_001,
      epoch: 81_604_378_625,
      sessionId: 'SESSION',
      userId: '42 or so\n- 7',
    });
    expect(parseSessionEvent('user.blocked REF 1 2 - 42')).toEqual({
      name: 'user.blocked',
      userRef: 'REF',
      version: 1,
      epoch: 2,
      userId: '42',
    });
  });

  it.each(['', 'user.blocked', 'user.promoted REF 1 2 - 42', 'user.blocked REF x 2 - 42', '{"json":true}'])(
    'is not %j',
    (line) => expect(parseSessionEvent(line)).toBeUndefined(),
  );
});

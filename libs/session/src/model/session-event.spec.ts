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

  it('has two devices where it is about a refresh, whatever they are called', () => {
    const line =
      'refresh.reused REF 1 2 SESSION 192.0.2.7 Chrome%20156%20on%20Linux 2001%3Adb8%3A%3A7 %C3%A9%2D%25 42 or so';
    expect(parseSessionEvent(line)).toEqual({
      name: 'refresh.reused',
      userRef: 'REF',
      version: 1,
      epoch: 2,
      sessionId: 'SESSION',
      userId: '42 or so',
      devices: {
        session: { ip: '192.0.2.7', userAgent: 'Chrome 156 on Linux' },
        presented: { ip: '2001:db8::7', userAgent: 'é-%' },
      },
    });
    expect(parseSessionEvent('refresh.device_changed REF 1 2 S - - %FF - 42')).toMatchObject({
      devices: { session: { ip: '', userAgent: '' }, presented: { ip: '', userAgent: '' } },
    });
  });

  it('of a list has its name and version', () => {
    expect(parseSessionEvent('ip_list.changed admin 1790000000000000')).toEqual({
      name: 'ip_list.changed',
      list: 'admin',
      version: 1_790_000_000_000_000,
    });
  });

  it.each([
    '',
    'refresh.reused REF 1 2 S 42',
    'ip_list.changed REF 1 2 - 42',
    'user.blocked',
    'user.promoted REF 1 2 - 42',
    'user.blocked REF x 2 - 42',
    '{"json":true}',
  ])('is not %j', (line) => expect(parseSessionEvent(line)).toBeUndefined());
});

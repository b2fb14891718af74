import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type EventRules,
  parseSessionEvent,
  SESSION_EVENTS,
  type SessionEventName,
} from './session-event.js';

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

describe('the table of events', () => {
  it('demands every column of every event: a new one does not compile until it is decided', () => {
    type WithNew = Record<SessionEventName | 'session.moved', EventRules>;
    // @ts-expect-error an event without a row
    const withoutRow: WithNew = { ...SESSION_EVENTS };
    // @ts-expect-error a row that does not say which connections may have to end
    const ends: EventRules = { isConfirmed: false, hasDevices: false };
    // @ts-expect-error a row that does not say whether a receipt waits for it
    const isConfirmed: EventRules = { ends: null, hasDevices: false };
    // @ts-expect-error a row that does not say whether its line has devices
    const hasDevices: EventRules = { ends: null, isConfirmed: false };
    expect([withoutRow, ends, isConfirmed, hasDevices]).toHaveLength(4);
  });

  it('has just the events that scripts announce, with devices where they tell of them', () => {
    const announced = luaFiles().flatMap((lua) => [
      ...[...lua.matchAll(/announce\(.+?, '([\w.]+)',(.*)\)/g)].map(
        ([, name, rest]) => [name, /\bdevices$/.test(String(rest))] as const,
      ),
      ...[...lua.matchAll(/'PUBLISH', .+?, '(\w+\.\w+) '/g)].map(([, name]) => [name, false] as const),
    ]);
    const expected = Object.entries(SESSION_EVENTS).map(([name, { hasDevices }]) => [name, hasDevices]);
    const lines = (rows: readonly unknown[]): readonly string[] => [...new Set(rows.map(String))].sort();
    expect(lines(announced)).toEqual(lines(expected));
  });
});

function luaFiles(): readonly string[] {
  const folder = join(__dirname, '../redis/lua');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lua'))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
}

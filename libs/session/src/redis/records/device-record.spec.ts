import fc from 'fast-check';
import { packIp, readDevice, readDeviceFrom, unpackIp, writeDevice } from './device-record.js';

const text = (maxLength: number) =>
  fc
    .array(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), { maxLength })
    // Lone surrogates have no UTF-8 form; rules/device.ts takes them out before.
    .map((characters) => Buffer.from(characters.join('')).toString());
const ip = fc.oneof(fc.ipV4(), fc.ipV6(), text(45), fc.constantFrom('', '~', '~~', '~2001:db8::1'));

describe('the device of a session', () => {
  it('comes back as it went in, whatever characters it has', () => {
    fc.assert(
      fc.property(text(64), text(48), ip, (name, userAgent, ip) => {
        const device = { name, userAgent, ip };
        expect(readDevice(writeDevice(device))).toEqual(device);
      }),
    );
  });

  it('comes back from a text of bytes as well', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), fc.string({ maxLength: 48 }), ip, (name, userAgent, ip) => {
        const device = { name, userAgent, ip };
        const kept = writeDevice(device);
        fc.pre(kept.every((byte) => byte < 128));
        expect(readDeviceFrom(`before${kept.toString('latin1')}`, 6)).toEqual(device);
      }),
    );
  });

  it('is refused rather than cut when it is longer than can be told', () => {
    expect(() => writeDevice({ name: '', userAgent: 'x'.repeat(256), ip: '' })).toThrow('out of range');
    expect(() => writeDevice({ name: '', userAgent: '', ip: 'x'.repeat(256) })).toThrow('out of range');
  });

  it('of most people has no more than 64 bytes, wherever they come from', () => {
    const ip = '2001:db8:85a3:1234:5678:9abc:def0:1234';
    const device = { name: 'The work laptop', userAgent: 'Firefox 1041 on ChromeOS', ip };
    expect(writeDevice(device).length).toBeLessThanOrEqual(64);
  });
});

describe('an IP', () => {
  it.each([
    ['2001:db8:85a3:1234:5678:9abc:def0:1234', '~IAENuIWjEjRWeJq83vASNA'],
    ['2001:db8:0:1234:5678:9abc:def0:1234', '~IAENuAAAEjRWeJq83vASNA'],
    ['2001:db8:1234:5678:9abc::1', '~IAENuBI0VniavAAAAAAAAQ'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['', ''],
    ['2001:DB8:85A3:1234:5678:9ABC:DEF0:1234', '2001:DB8:85A3:1234:5678:9ABC:DEF0:1234'],
    ['2001:0db8:85a3:1234:5678:9abc:def0:1234', '2001:0db8:85a3:1234:5678:9abc:def0:1234'],
    ['fe80::1234:5678:9abc:def0%ethernet0', 'fe80::1234:5678:9abc:def0%ethernet0'],
    ['::ffff:255.255.255.255', '::ffff:255.255.255.255'],
    ['~IAENuIWjEjRWeJq83vASNA', '~~IAENuIWjEjRWeJq83vASNA'],
  ])('%s is kept as %s, and comes back', (ip, kept) => {
    expect(packIp(ip)).toBe(kept);
    expect(unpackIp(kept)).toBe(ip);
  });

  it.each(['~', '~AAAA', '~IAENuIWjEjRWeJq83vASNAAA', '~!'])(
    'that was never kept so is left as it is: %s',
    (kept) => {
      expect(unpackIp(kept)).toBe(kept);
    },
  );

  it('comes back though more were seen than are remembered', () => {
    for (let i = 0; i < 2_500; i++) {
      const ip = `2001:db8:85a3:1234:5678:9abc:def0:${(i + 1).toString(16)}`;
      expect(unpackIp(packIp(ip))).toBe(ip);
    }
  });
});

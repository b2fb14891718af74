import fc from 'fast-check';
import { readDevice, writeDevice } from './session-record.js';

describe('the device of a session', () => {
  it('comes back as it went in, whatever characters it has', () => {
    const text = fc.string({ unit: 'binary', maxLength: 64 });
    fc.assert(
      fc.property(text, text, text, (name, userAgent, ip) => {
        // Lone surrogates have no UTF-8 form; policy/device.ts takes them out before.
        const device = { name: wellFormed(name), userAgent: wellFormed(userAgent), ip: wellFormed(ip) };
        expect(readDevice(writeDevice(device))).toEqual(device);
      }),
    );
  });
});

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

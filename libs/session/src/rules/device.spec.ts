import * as fc from 'fast-check';
import { normaliseDevice, shortUserAgent } from './device.js';

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const EDGE = `${CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/156.0.0.0`;
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';

const codePoints = (text: string) => [...text].length;
const CONTROL = /\p{Cc}|\u2028|\u2029/u;

describe('shortUserAgent', () => {
  it.each([
    ['Chrome 156 on Linux', CHROME],
    ['Edge 156 on Windows', EDGE],
    ['Safari 19 on iPhone', IPHONE],
    ['Firefox 150 on Android', 'Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0'],
    [
      'Safari 19 on macOS',
      IPHONE.replace('iPhone; CPU iPhone OS 19_0 like Mac OS X', 'Macintosh; Intel Mac OS X 15'),
    ],
    ['Firefox 150', 'Mozilla/5.0 (Plan 9) Gecko/150.0 Firefox/150.0'],
    ['curl/8.14.1', 'curl/8.14.1'],
    ['Mozilla/5.0 (compatible; Googlebot/2.1)', 'Mozilla/5.0 (compatible; Googlebot/2.1)'],
    ['', ''],
  ])('makes %p', (short, userAgent) => {
    expect(shortUserAgent(userAgent)).toBe(short);
  });

  it.each([
    ['a version of 15,000 digits', `Mozilla/5.0 Chrome/${'1'.repeat(15_000)}`],
    ['15,000 letters', 'x'.repeat(15_000)],
    ['15,000 digits that lead nowhere', `Mozilla/5.0 Version/${'1'.repeat(15_000)}`],
  ])('stays short, and is quick, for %s', (_, userAgent) => {
    const startedAt = performance.now();
    expect(codePoints(shortUserAgent(userAgent))).toBeLessThanOrEqual(48);
    expect(performance.now() - startedAt).toBeLessThan(200);
  });
});

describe('normaliseDevice', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({
      unit: fc.constantFrom('\ud800', '\udc00', '\u0000', '\u2028', '🙂', ' ', 'a'),
      maxLength: 400,
    }),
  );

  it('bounds every part, and leaves no control character nor half of a character', () => {
    const prefix = fc.constantFrom('', 'Mozilla/5.0 Chrome/', 'Mozilla/5.0 (iPhone) Version/19.0 Safari/');
    fc.assert(
      fc.property(text, prefix, text, text, (name, start, rest, ip) => {
        const device = normaliseDevice({ name, userAgent: start + rest, ip });
        expect(codePoints(device.name)).toBeLessThanOrEqual(64);
        expect(codePoints(device.userAgent)).toBeLessThanOrEqual(48);
        expect(codePoints(device.ip)).toBeLessThanOrEqual(45);
        for (const part of Object.values(device)) {
          expect(part).not.toMatch(CONTROL);
          expect(part).toBe(Buffer.from(part).toString());
        }
      }),
    );
  });

  it('leaves ordinary names as they are', () => {
    for (const name of ['Work laptop', 'Größe 名前 🙂', `Ada's "phone" {1}`, '🙂'.repeat(64)]) {
      expect(normaliseDevice({ name }).name).toBe(name);
    }
  });

  it('is empty where nothing is known', () => {
    expect(normaliseDevice()).toEqual({ name: '', userAgent: '', ip: '' });
    expect(normaliseDevice({ name: ' \t\n ' })).toEqual({ name: '', userAgent: '', ip: '' });
  });
});

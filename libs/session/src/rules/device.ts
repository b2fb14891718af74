import { type Inputs, fieldsOf, text, unusable } from '../basics/inputs.js';
import { SessionError } from '../model/session-error.js';
import type { Device } from '../model/session.js';

const MAX_NAME_LENGTH = 64;
const MAX_HEADER_LENGTH = 512;
const MAX_USER_AGENT_LENGTH = 48;
const MAX_IP_LENGTH = 45;

const DEVICE: Inputs<Partial<Device>> = { name: text, userAgent: text, ip: text };

/**
 * A device as it is kept: control characters out, lengths bounded, the user agent in its short form.
 * @throws SessionError `bad_request` for what is no object, or has a field that is no text: clients name their devices
 */
export function normaliseDevice(device: Partial<Device> = {}): Device {
  const { name, userAgent = '', ip } = deviceIn(device);
  return {
    name: clean(name, MAX_NAME_LENGTH),
    userAgent: shortUserAgent(userAgent),
    ip: clean(ip, MAX_IP_LENGTH),
  };
}

function deviceIn(device: Partial<Device>): Partial<Device> {
  try {
    return fieldsOf(device, 'device', DEVICE);
  } catch (error) {
    throw error instanceof SessionError ? error : unusable((error as Error).message);
  }
}

const BROWSERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Edge', /\bEdgA?\/(\d{1,5})/],
  ['Opera', /\bOPR\/(\d{1,5})/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/(\d{1,5})/],
  ['Chrome', /\b(?:Chrome|CriOS|HeadlessChrome)\/(\d{1,5})/],
  ['Safari', /\bVersion\/(\d{1,5})[\d.]* (?:Mobile\/\w+ )?Safari\//],
];
const SYSTEMS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
];

/**
 * `Chrome 156 on Linux` for a browser's User-Agent header; any other is kept as it is, cut to 48 characters. For
 * people to recognise a device by; a full one would push a user's sessions out of Redis's compact encoding.
 */
export function shortUserAgent(header: string): string {
  const userAgent = header.slice(0, MAX_HEADER_LENGTH);
  if (userAgent.startsWith('Mozilla/')) {
    for (const [browser, pattern] of BROWSERS) {
      const version = pattern.exec(userAgent)?.[1];
      if (version === undefined) continue;
      const system = SYSTEMS.find(([, systemPattern]) => systemPattern.test(userAgent))?.[0];
      return system ? `${browser} ${version} on ${system}` : `${browser} ${version}`;
    }
  }
  return clean(userAgent, MAX_USER_AGENT_LENGTH);
}

function clean(text: string | undefined, maxLength: number): string {
  if (!text) return '';
  // Control characters, and those that change the direction of what follows: a name must not garble a list.
  const printable = text.slice(0, maxLength * 4).replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, ' ');
  // Through a Buffer and back: lone surrogates become U+FFFD here as they would in Redis.
  return Buffer.from([...printable.trim()].slice(0, maxLength).join('')).toString();
}

import type { AssuranceLevel, Device, EndReason } from '../model/session.js';

/** A session as its 64 bytes tell it; the layout is described in lua/include/session-record.lua. */
export interface SessionRecord {
  readonly epoch: number;
  readonly createdAt: number;
  /** For an ended session: when it ended. */
  readonly lastSeenAt: number;
  readonly authenticatedAt: number;
  readonly inactivityTimeoutMs: number;
  readonly absoluteTimeoutMs: number;
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  readonly ended: boolean;
}

const ASSURANCE: readonly AssuranceLevel[] = ['aal1', 'aal2', 'aal3'];
const REMEMBER_ME = 128;
const HAS_FAMILY = 64;

/** The number that stands for why a session ended; lua/include/session-record.lua has the others. */
export const END_REASON_CODE: Readonly<Record<EndReason, number>> = { logout: 1, revoked: 2, evicted: 3 };

export function assuranceCode(assurance: AssuranceLevel): number {
  return ASSURANCE.indexOf(assurance) + 1;
}

export function traitsOf(traits: {
  readonly assurance: AssuranceLevel;
  readonly rememberMe: boolean;
  readonly hasFamily: boolean;
}): number {
  const { assurance, rememberMe, hasFamily } = traits;
  return assuranceCode(assurance) + (rememberMe ? REMEMBER_ME : 0) + (hasFamily ? HAS_FAMILY : 0);
}

const TIMES = 32;

export function readSessionRecord(bytes: Buffer): SessionRecord {
  return readSessionTimes(bytes, TIMES);
}

/** @param at where the record begins but for its token hash */
export function readSessionTimes(bytes: Buffer, at: number): SessionRecord {
  const createdAt = bytes.readUIntBE(at + 5, 6);
  const traits = bytes.readUInt8(at + 30);
  return {
    epoch: bytes.readUIntBE(at, 5),
    createdAt,
    lastSeenAt: createdAt + bytes.readUIntBE(at + 11, 5),
    authenticatedAt: createdAt + bytes.readUIntBE(at + 16, 5),
    inactivityTimeoutMs: bytes.readUInt32BE(at + 21),
    absoluteTimeoutMs: bytes.readUIntBE(at + 25, 5),
    assurance: ASSURANCE[(traits % HAS_FAMILY) - 1] ?? 'aal1',
    rememberMe: traits >= REMEMBER_ME,
    ended: bytes.readUInt8(at + 31) !== 0,
  };
}

/** Each field of the device with its length in two bytes before it: no name can break out of its place. */
export function writeDevice(device: Device): Buffer {
  const parts: Buffer[] = [];
  for (const text of [device.name, device.userAgent, device.ip]) {
    const bytes = Buffer.from(text);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

const NO_DEVICE: Device = Object.freeze({ name: '', userAgent: '', ip: '' });

export function readDevice(bytes: Buffer): Device {
  if (bytes.length === 0) return NO_DEVICE;
  let offset = 0;
  const next = (): string => {
    const start = offset + 2;
    offset = start + bytes.readUInt16BE(offset);
    return bytes.toString('utf8', start, offset);
  };
  return { name: next(), userAgent: next(), ip: next() };
}

/** As `readDevice`, from a text of which each character is a byte. */
export function readDeviceFrom(text: string, at: number): Device {
  if (text.length === at) return NO_DEVICE;
  const lengthAt = (offset: number): number => text.charCodeAt(offset) * 256 + text.charCodeAt(offset + 1);
  const nameEnd = at + 2 + lengthAt(at);
  const userAgentEnd = nameEnd + 2 + lengthAt(nameEnd);
  return {
    name: text.slice(at + 2, nameEnd),
    userAgent: text.slice(nameEnd + 2, userAgentEnd),
    ip: text.slice(userAgentEnd + 2, userAgentEnd + 2 + lengthAt(userAgentEnd)),
  };
}

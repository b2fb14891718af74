import { isIPv6, SocketAddress } from 'node:net';
import { memo } from '../../basics/memo.js';
import type { Device } from '../../model/session.js';

/** A device beside its session: its user agent and its IP, each with its length in a byte before it, and its name. */
export function writeDevice({ name, userAgent, ip }: Device): Buffer {
  const [agent, address] = [Buffer.from(userAgent), Buffer.from(packIp(ip))];
  const lengths = Buffer.allocUnsafe(2);
  lengths.writeUInt8(agent.length, 0);
  lengths.writeUInt8(address.length, 1);
  return Buffer.concat([lengths.subarray(0, 1), agent, lengths.subarray(1), address, Buffer.from(name)]);
}

const NO_DEVICE: Device = Object.freeze({ name: '', userAgent: '', ip: '' });

export function readDevice(bytes: Buffer): Device {
  if (bytes.length === 0) return NO_DEVICE;
  const agentEnd = 1 + bytes.readUInt8(0);
  const ipEnd = agentEnd + 1 + bytes.readUInt8(agentEnd);
  return {
    name: bytes.toString('utf8', ipEnd),
    userAgent: bytes.toString('utf8', 1, agentEnd),
    ip: unpackIp(bytes.toString('utf8', agentEnd + 1, ipEnd)),
  };
}

/** As `readDevice`, from where it begins to the end of a text of which each character is a byte. */
export function readDeviceFrom(text: string, at: number): Device {
  if (text.length === at) return NO_DEVICE;
  const agentEnd = at + 1 + text.charCodeAt(at);
  const ipEnd = agentEnd + 1 + text.charCodeAt(agentEnd);
  return {
    name: text.slice(ipEnd),
    userAgent: text.slice(at + 1, agentEnd),
    ip: unpackIp(text.slice(agentEnd + 1, ipEnd)),
  };
}

const MARK = '~';
const MARK_CODE = MARK.charCodeAt(0);
const ADDRESS_LENGTH = 16;

/**
 * An IP as it is kept. An IPv6 address of up to 39 characters takes 23: a value of more than 64 bytes, as a device would
 * often be with it, would push all of its user's hash out of Redis's compact encoding, and make it twice as large.
 */
export function packIp(ip: string): string {
  if (ip.startsWith(MARK)) return MARK + ip;
  if (!isIPv6(ip) || /[%.]/.test(ip)) return ip;
  const packed = MARK + bytesOf(ip).toString('base64url');
  return packed.length < ip.length && unpackIp(packed) === ip ? packed : ip;
}

/** The IP of what is kept; what `packIp` never wrote, such as a later version's, is left as it is. */
export function unpackIp(kept: string): string {
  if (kept.charCodeAt(0) !== MARK_CODE) return kept;
  return kept.charCodeAt(1) === MARK_CODE ? kept.slice(1) : addressIn(kept);
}

const addressIn = memo((kept) => {
  const bytes = Buffer.from(kept.slice(1), 'base64url');
  if (bytes.length !== ADDRESS_LENGTH) return kept;
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
});

function bytesOf(ip: string): Buffer {
  const [head = [], tail = []] = ip.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

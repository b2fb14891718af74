import type { IpListRef, IpRangeSet, IpRequirements, IpVerdict } from '../model/ip-list.js';
import { memo } from '../basics/memo.js';

/** What an address is judged by besides the user's own list. */
interface IpRules {
  /** What the handler demands. */
  readonly requirements: IpRequirements | undefined;
  /** Lists that hold for whoever has the role. */
  readonly roles: readonly (readonly [role: string, list: IpListRef])[];
}

/**
 * What the lists say of a client IP. Pure. Lists are literal: an empty one holds no address, an address that is not known
 * is in none and passes none, and a name that no list has lets nobody in, whichever way it is used.
 * @param named the list of a name; `undefined` for one that is missing or cannot be read
 */
export function judgeIp(
  { requirements, roles }: IpRules,
  clientIp: string | undefined,
  named: (name: string) => IpRangeSet | undefined,
): IpVerdict {
  const resolve = (list: IpListRef): IpRangeSet | undefined =>
    typeof list === 'string' ? named(list) : list;
  const isAllowed = (list: IpListRef): boolean =>
    clientIp !== undefined && resolve(list)?.has(clientIp) === true;
  const isNotDenied = (list: IpListRef): boolean =>
    clientIp !== undefined && resolve(list)?.has(clientIp) === false;

  if (requirements && !(requirements.allow.every(isAllowed) && requirements.deny.every(isNotDenied))) {
    return { clientIp, refusedRoles: 'all' };
  }
  const refused = roles.filter(([, list]) => !isAllowed(list)).map(([role]) => role);
  return { clientIp, refusedRoles: [...new Set(refused)] };
}

/** Whether two verdicts on one address say the same. */
export function isSameVerdict({ refusedRoles: one }: IpVerdict, { refusedRoles: other }: IpVerdict): boolean {
  return String(one) === String(other) && (one === 'all') === (other === 'all');
}

/** What a user's own record says to it. */
interface OfUser {
  readonly roles: readonly string[];
  /** The ranges of the user's own list; absent: there is none. */
  readonly ipAllowlist?: readonly string[];
}

/**
 * Whether this user may come from there. Pure. `redis/lua/include/ip.lua` says the same in Lua: a change here is a change
 * there.
 */
export function admitsIp({ clientIp, refusedRoles }: IpVerdict, { roles, ipAllowlist }: OfUser): boolean {
  if (refusedRoles === 'all' || refusedRoles.some((role) => roles.includes(role))) return false;
  if (!ipAllowlist) return true;
  const bits = addressBits(clientIp);
  return bits !== '' && ipAllowlist.some((cidr) => bits.startsWith(rangeBits(cidr)));
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(2).padStart(8, '0'));

/**
 * An address as text of zeros and ones after its family's digit, so that a range holds it exactly when the range's bits
 * begin it; empty for one that is not known.
 * @param ip valid, and without a zone
 */
export function addressBits(ip: string | undefined): string {
  return ip === undefined ? '' : bitsOf(ip);
}

const bitsOf = memo((ip) => {
  if (!ip.includes(':')) return `4${ip.split('.').map(byteBits).join('')}`;
  const [head = [], tail = []] = ip.split('::', 2).map(groupsOf);
  const missing = 8 - head.length - tail.length;
  return `6${[...head, ...Array.from({ length: missing }, () => WORD_ZERO), ...tail].join('')}`;
});

/** @param cidr valid: an address, or one with `/` and how many bits of it count */
export function rangeBits(cidr: string): string {
  const [address = '', length] = cidr.split('/', 2);
  const bits = addressBits(address);
  return length === undefined ? bits : bits.slice(0, 1 + Number(length));
}

const WORD_ZERO = '0'.repeat(16);

/** The 16-bit groups of one side of an IPv6 address, the last two of which may be written as IPv4. */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return wordBits(parseInt(group, 16));
    const [a = '', b = '', c = '', d = ''] = group.split('.').map(byteBits);
    return [a + b, c + d];
  });
}

function wordBits(word: number): string {
  return `${BYTES[word >> 8]}${BYTES[word & 255]}`;
}

function byteBits(decimal: string): string {
  return BYTES[Number(decimal)] ?? '';
}

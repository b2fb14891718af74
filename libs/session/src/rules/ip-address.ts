import { SocketAddress, isIP, isIPv4, isIPv6 } from 'node:net';
import type { IpListRef, IpRangeSet } from '../model/ip-list.js';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';
import { addressBits, rangeBits } from './ip-ranges.js';
import { NAME_PATTERN } from './roles.js';

const IPV4_MAPPED = '::ffff:';
/** Of what is no address, as much as helps to find it. */
const LONGEST_QUOTED = 64;

/**
 * An IP address in its one canonical form: `::ffff:127.0.0.1` and `::ffff:7f00:1` are `127.0.0.1`, zone ids are dropped,
 * IPv6 is compressed and in lower case. `undefined` for anything that is no IP address.
 */
export function normaliseIp(text: string | undefined): string | undefined {
  if (typeof text !== 'string') return undefined;
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const zone = text.indexOf('%');
  const { address } = new SocketAddress({ address: zone < 0 ? text : text.slice(0, zone), family: 'ipv6' });
  if (!address.startsWith(IPV4_MAPPED)) return address;
  const mapped = address.slice(IPV4_MAPPED.length);
  return isIPv4(mapped) ? mapped : address;
}

/** Ranges of addresses, parsed once. A range holds addresses of its own family only. */
export class IpRanges implements IpRangeSet {
  readonly cidrs: readonly string[];
  /** The bits that a range begins with, by how many they are: looking an address up costs one step for each length. */
  private readonly byLength = new Map<number, Set<string>>();

  /**
   * @param cidrs CIDRs or single addresses
   * @throws RangeError naming the first that is neither
   */
  constructor(cidrs: readonly string[]) {
    this.cidrs = Object.freeze([...cidrs]);
    for (const cidr of this.cidrs) this.add(cidr);
  }

  has(ip: string): boolean {
    const bits = addressBits(ip);
    for (const [length, ranges] of this.byLength) if (ranges.has(bits.slice(0, length))) return true;
    return false;
  }

  private add(cidr: string): void {
    assertCidr(cidr);
    const bits = rangeBits(cidr);
    const ranges = this.byLength.get(bits.length) ?? new Set<string>();
    this.byLength.set(bits.length, ranges.add(bits));
  }
}

function assertCidr(cidr: unknown): asserts cidr is string {
  if (typeof cidr !== 'string')
    throw new RangeError(`An entry of type ${typeof cidr} is no IP address or CIDR`);
  const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(cidr) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || Number(prefix ?? 0) > bits) {
    throw new RangeError(`'${cidr.slice(0, LONGEST_QUOTED)}' is no IP address or CIDR`);
  }
  if (version === 6 && !normaliseIp(address)?.includes(':')) {
    throw new RangeError(`'${cidr}' is IPv4 inside IPv6: write it as IPv4`);
  }
}

/**
 * What somebody gave as a list.
 * @throws SessionError `bad_request` saying what is wrong, and with which entry
 */
export function parseIpList(cidrs: unknown, most: number): IpRanges {
  if (!Array.isArray(cidrs)) throw badList('A list is an array of CIDRs');
  if (cidrs.length > most) throw badList(`A list has at most ${most} ranges`);
  try {
    return new IpRanges(cidrs as readonly string[]);
  } catch (error) {
    if (error instanceof RangeError) throw badList(error.message);
    throw error;
  }
}

function badList(detail: string): SessionError {
  return new SessionError('bad_request', { detail });
}

/**
 * By what a quota tells client IPs apart, for quotas of your own: IPv4 by address, IPv6 by /64, because one subscriber has
 * all addresses of a /64. IPv4 inside IPv6 is IPv4. Everybody whose address is not known shares one part, `unknown`.
 * @param clientIp as `SessionTransport.clientIp` gives it, or any other text
 * @example
 * ```ts
 * const share = { quota: logins, partitionKey: ipPartition(transport.clientIp(request)) };
 * await limiter.consumeAll([share]); // 2001:db8::1 and 2001:db8::2 have one share: 2001:db8:0:0::/64
 * ```
 * @publicApi
 */
export function ipPartition(clientIp: string | undefined): string {
  return quotaPartitionOfIp(typeof clientIp === 'string' ? normaliseIp(clientIp) : undefined);
}

/** As `ipPartition`, of an address in its canonical form. */
export function quotaPartitionOfIp(ip: string | undefined): string {
  if (ip === undefined || !ip.includes(':')) return ip ?? 'unknown';
  const [head = '', tail] = ip.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const rest = tail ? tail.split(':') : [];
  if (tail !== undefined) while (groups.length + rest.length < 8) groups.push('0');
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`;
}

/**
 * A list as decorators and options take it: CIDRs, parsed here once, or a name.
 * @param where the decorator or option, for the error
 * @throws SessionConfigurationError naming the entry that is no range, or what is no name
 */
export function ipListRef(where: string, list: string | readonly string[]): IpListRef {
  if (typeof list === 'string') {
    if (NAME_PATTERN.test(list) && normaliseIp(list) === undefined) return list;
    throw new SessionConfigurationError(
      where,
      `takes the name of a list (1–64 letters, digits and . _ : -) or an array of CIDRs, not '${list}'`,
    );
  }
  if (!Array.isArray(list)) {
    throw new SessionConfigurationError(where, 'takes the name of a list, or an array of CIDRs');
  }
  try {
    return new IpRanges(list);
  } catch (error) {
    throw new SessionConfigurationError(where, `cannot be used: ${(error as Error).message}`);
  }
}

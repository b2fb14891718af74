import { BlockList, SocketAddress, isIP, isIPv4, isIPv6 } from 'node:net';

const IPV4_MAPPED = '::ffff:';

/**
 * An IP address in its one canonical form: `::ffff:127.0.0.1` and `::ffff:7f00:1` are `127.0.0.1`, zone ids are dropped,
 * IPv6 is compressed and in lower case. `undefined` for anything that is no IP address.
 */
export function normaliseIp(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const zone = text.indexOf('%');
  const { address } = new SocketAddress({ address: zone < 0 ? text : text.slice(0, zone), family: 'ipv6' });
  if (!address.startsWith(IPV4_MAPPED)) return address;
  const mapped = address.slice(IPV4_MAPPED.length);
  return isIPv4(mapped) ? mapped : address;
}

/** Ranges of addresses, parsed once. A range holds addresses of its own family only. */
export class IpRanges {
  // Apart, because one BlockList takes `::/0` to hold every IPv4 address, too.
  private readonly ipv4 = new BlockList();
  private readonly ipv6 = new BlockList();

  /**
   * @param ranges CIDRs or single addresses
   * @throws RangeError naming the first that is neither
   */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) this.add(range);
  }

  /** @param ip in canonical form */
  has(ip: string): boolean {
    return ip.includes(':') ? this.ipv6.check(ip, 'ipv6') : this.ipv4.check(ip, 'ipv4');
  }

  private add(range: string): void {
    const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(String(range)) ?? [];
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (version === 0 || length > bits) throw new RangeError(`'${String(range)}' is no IP address or CIDR`);
    if (version === 4) this.ipv4.addSubnet(address, length, 'ipv4');
    else if (normaliseIp(address)?.includes(':')) this.ipv6.addSubnet(address, length, 'ipv6');
    else throw new RangeError(`'${String(range)}' is IPv4 inside IPv6: write it as IPv4`);
  }
}

/** By what a quota tells clients apart: IPv4 by address, IPv6 by /64, which is what one subscriber has. */
export function quotaPartitionOfIp(ip: string | undefined): string {
  if (ip === undefined || !ip.includes(':')) return ip ?? 'unknown';
  const [head = '', tail] = ip.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const rest = tail ? tail.split(':') : [];
  if (tail !== undefined) while (groups.length + rest.length < 8) groups.push('0');
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`;
}

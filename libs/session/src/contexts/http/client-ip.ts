import type { TransportSettings } from '../../options/settings.js';
import { headerOf, peerAddressOf, type NodeRequest } from './http.js';
import { IpRanges, normaliseIp } from '../../rules/ip-address.js';

type ProxySettings = Pick<TransportSettings, 'trustProxy' | 'forwardedHeader'>;

/**
 * How to find the client IP: the peer's address, or with trusted proxies the nearest address that is not one of
 * theirs, walked from the right in exactly one header. `undefined`: not to be known, for one because a hop that had to
 * be believed is malformed.
 */
export function clientIpResolver({
  trustProxy,
  forwardedHeader,
}: ProxySettings): (request: NodeRequest) => string | undefined {
  if (trustProxy === undefined) return (request) => normaliseIp(peerAddressOf(request));
  const isTrusted = trustRule(trustProxy);
  return (request) => {
    const hops = hopsIn(headerOf(request.headers, forwardedHeader), forwardedHeader);
    let ip = normaliseIp(peerAddressOf(request));
    for (let distance = 0; isTrusted(ip, distance); distance++) {
      const hop = hops.pop();
      if (hop === undefined) return ip;
      ip = addressOfHop(hop, forwardedHeader);
      if (ip === undefined) return undefined;
    }
    return ip;
  };
}

/** @returns whether what stands at this distance, the peer being 0, is a proxy whose word is taken */
export function trustRule(
  trustProxy: number | readonly string[],
): (ip: string | undefined, distance: number) => boolean {
  if (typeof trustProxy === 'number') return (_ip, distance) => distance < trustProxy;
  const ranges = new IpRanges(trustProxy);
  return (ip) => ip !== undefined && ranges.has(ip);
}

/** The header's hops, the nearest last. */
function hopsIn(header: string | undefined, headerName: string): string[] {
  if (header === undefined) return [];
  // In `Forwarded`, a comma inside a quoted string splits, too: no address holds one, and so nothing that a client
  // put at the left end can swallow what a proxy wrote to the right of it.
  return headerName === 'x-forwarded-for' || headerName === 'forwarded' ? header.split(',') : [header];
}

function addressOfHop(hop: string, headerName: string): string | undefined {
  return addressIn(headerName === 'forwarded' ? forwardedParameter(hop, 'for') : hop.trim());
}

/** A parameter of one `Forwarded` element (RFC 7239 §4); `undefined` unless there is exactly one. */
export function forwardedParameter(element: string, wanted: 'for' | 'proto' | 'host'): string | undefined {
  let found: string | undefined;
  for (const pair of element.split(';')) {
    const [, name, quoted, token] = /^\s*([\w-]+)=(?:"([^"\\]*)"|([^\s"]*))\s*$/.exec(pair) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() !== wanted) continue;
    if (found !== undefined) return undefined;
    found = quoted ?? token ?? '';
  }
  return found;
}

/** More than the longest address with its zone, brackets and port. Bounds what a hostile header costs. */
const LONGEST_ADDRESS = 64;

/** `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:5678`. */
function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST_ADDRESS) return undefined;
  const [, bracketed, dotted] =
    /^(?:\[([^[\]]*:[^[\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/.exec(text) ?? [];
  return normaliseIp(bracketed ?? dotted ?? text);
}

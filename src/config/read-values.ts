import { isIP } from 'node:net';
import { ConfigurationError, type RedisAddress } from './app-config.js';

/** One proxy hop at least, and no more than any real chain has. */
const MAX_HOPS = 32;

/** A number of hops, or addresses and CIDRs separated by commas. */
export function readTrustedProxies(name: string, value: string): number | readonly string[] {
  if (/^\d+$/.test(value)) {
    const hops = Number(value);
    if (hops >= 1 && hops <= MAX_HOPS) return hops;
    throw new ConfigurationError(
      name,
      `must be 1 to ${MAX_HOPS} hops, or CIDRs; leave it unset to trust no proxy`,
    );
  }
  const ranges = splitList(value);
  const wrong = ranges.find((range) => !isRange(range));
  if (wrong !== undefined || ranges.length === 0) {
    throw new ConfigurationError(name, 'must be a number of hops or CIDRs, such as 1 or 10.0.0.0/8,fd00::/8');
  }
  return ranges;
}

/** `ID:KEY` pairs separated by commas. The value is never part of the message. */
export function readDataKeys(name: string, value: string): { readonly id: string; readonly key: Buffer }[] {
  const keys = splitList(value).map((pair) => {
    const [id = '', encoded = ''] = pair.split(/:(.*)/s);
    const isPair = /^[\w-]{1,32}$/.test(id) && /^[A-Za-z0-9+/_-]{43}=?$/.test(encoded);
    if (!isPair) {
      throw new ConfigurationError(
        name,
        'must be ID:KEY pairs separated by commas, each key 32 bytes in base64 (openssl rand -base64 32)',
      );
    }
    return { id, key: Buffer.from(encoded, 'base64') };
  });
  if (keys.length === 0) throw new ConfigurationError(name, 'must have one ID:KEY pair at least');
  if (new Set(keys.map(({ id }) => id)).size < keys.length)
    throw new ConfigurationError(name, 'has two keys with the same ID');
  return keys;
}

/** An `http` or `https` origin; a single slash at its end is forgiven. */
export function readOrigin(name: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isOrigin =
    url && /^https?:$/.test(url.protocol) && (value === url.origin || value === `${url.origin}/`);
  if (!isOrigin)
    throw new ConfigurationError(name, 'must be an origin without a path, such as https://app.example');
  return url.origin;
}

/** The URL is never part of the message: it may hold a password. */
export function readRedisUrl(name: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new ConfigurationError(name, 'must be a URL such as redis://127.0.0.1:6379 or rediss://host:6380');
  }
  if (!/^(\/\d{0,5})?$/.test(url.pathname)) {
    throw new ConfigurationError(name, 'may only have a database number behind the host, such as /0');
  }
  return value;
}

/** `host:port` pairs separated by commas; IPv6 addresses stand in brackets. */
export function readAddresses(name: string, value: string): RedisAddress[] {
  const items = splitList(value);
  const addresses = items.map(parseAddress);
  if (items.length === 0 || addresses.includes(undefined)) {
    throw new ConfigurationError(name, 'must be host:port pairs separated by commas');
  }
  return addresses as RedisAddress[];
}

/** A host name or an address to listen on. */
export function readBinding(name: string, value: string): string {
  if (isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(value)) return value;
  throw new ConfigurationError(name, 'must be a host name or an IP address to listen on');
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isRange(range: string): boolean {
  const [address = '', prefix, ...rest] = range.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

function parseAddress(text: string): RedisAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined;
  return match?.[1] !== undefined && isIP(host) !== 6 ? undefined : { host, port };
}

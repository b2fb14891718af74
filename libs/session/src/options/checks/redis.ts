import { fail, isRecord } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';

type Given = NonNullable<SessionModuleOptions['redis']>;
type RedisOption = Exclude<Given, URL>;

const WANTED =
  'Give a redis:// or rediss:// URL, ioredis options such as { host, port }, or an ioredis client';
/** Without one of these, ioredis takes 127.0.0.1:6379. */
const PLACES = ['host', 'port', 'path', 'sentinels', 'cluster'] as const;

/**
 * Refuses whatever ioredis would take for 127.0.0.1:6379, or for another place than is meant.
 * @throws SessionConfigurationError that says what was given, without any of its values, and what is wanted
 */
export function checkRedis(redis: Given): RedisOption {
  if (typeof redis === 'string') return checkUrl(redis);
  if (redis instanceof URL) return checkUrl(redis.href);
  if (!isRecord(redis) || 'then' in redis) return wrong(nameOf(redis));
  // Not instanceof: the app may have an ioredis of its own.
  if ('evalshaBuffer' in redis && typeof redis.evalshaBuffer === 'function') return redis;
  if ('sendCommand' in redis || 'isOpen' in redis) return wrong('a client of the package redis (node-redis)');
  const prototype: unknown = Object.getPrototypeOf(redis);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return wrong(nameOf(redis));
  return checkPlace(redis);
}

function checkPlace(options: Exclude<RedisOption, string>): RedisOption {
  const given = options as Readonly<Record<string, unknown>>;
  if ('url' in given) return wrong('an object with url, which ioredis does not read');
  if ('socket' in given) return wrong('options of the package redis (node-redis), with a socket');
  if ('rootNodes' in given || 'startupNodes' in given || 'nodes' in given)
    return wrong('the nodes of a Cluster under another name: give { cluster: [{ host, port }, …] }');
  const places = PLACES.filter((name) => name in given);
  if (places.length === 0) {
    const names = Object.keys(given).join(', ');
    return wrong(`${names ? `an object with only ${names}` : '{}'}, which would mean 127.0.0.1:6379`);
  }
  for (const name of places) checkValue(name, given[name]);
  if (Array.isArray(given['sentinels']) && typeof given['name'] !== 'string')
    return wrong('sentinels without name, the primary that they watch');
  return options;
}

function checkValue(name: (typeof PLACES)[number], value: unknown): void {
  const isFine = {
    host: () => typeof value === 'string' && value !== '',
    path: () => typeof value === 'string' && value !== '',
    port: () => /^\d{1,5}$/.test(String(value)) && Number(value) >= 1 && Number(value) <= 65_535,
    sentinels: () => Array.isArray(value) && value.length > 0,
    cluster: () => Array.isArray(value) && value.length > 0 && value.every(isAddress),
  }[name];
  if (isFine()) return;
  fail(
    `redis.${name}`,
    `is ${emptyOrType(value)}, and ioredis would connect elsewhere: is a setting missing?`,
  );
}

/** Of one without a host, ioredis takes 127.0.0.1. */
function isAddress(node: unknown): boolean {
  if (!isRecord(node)) return false;
  const { host, port } = node as { readonly host?: unknown; readonly port?: unknown };
  return typeof host === 'string' && host !== '' && Number.isInteger(port);
}

function checkUrl(url: string): string {
  const [scheme, rest = ''] = splitOnce(url, '://');
  if (!/^rediss?$/i.test(scheme)) return wrong(url === '' ? "''" : 'a text that is not a Redis URL');
  const place = rest.search(/[/?#]/);
  const after = place === -1 ? '' : rest.slice(place);
  // A query may have an @ of its own, as in ?password=…
  if (after.includes('@') && !/^\/?\d*\?\w+=/.test(after)) return unencoded();
  if (!URL.canParse(url))
    return wrong(
      'a URL that cannot be read: is its port a number, and each of / ? # @ in its password encoded?',
    );
  const { hostname, username, password, pathname, hash } = new URL(url);
  if (!canDecode(username) || !canDecode(password)) return unencoded();
  if (hostname === '') return wrong('a URL without a host, which would mean 127.0.0.1:6379');
  if (hash !== '' || !/^\/?\d*$/.test(pathname))
    return wrong(
      'a URL whose path is not a database number such as /0, or whose password has a / or # that is not encoded',
    );
  return url;
}

function unencoded(): never {
  return fail(
    'redis',
    'is a URL whose user name or password is not encoded: write each / ? # @ % in them as encodeURIComponent() does, or give ' +
      '{ host, port, password } instead',
  );
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + by.length)];
}

function wrong(given: string): never {
  return fail('redis', `is ${given}. ${WANTED}`);
}

function emptyOrType(value: unknown): string {
  return value === undefined || value === null || value === ''
    ? `empty (${JSON.stringify(value) ?? 'undefined'})`
    : `of no use (${typeof value})`;
}

/** What it is, and nothing of what is in it. */
function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return 'a function: give what it returns';
  if (typeof value !== 'object' || value === null) return `a ${value === null ? 'null' : typeof value}`;
  if ('then' in value) return 'a promise: await it, as useFactory of forRootAsync() may';
  return `a ${value.constructor?.name || 'object'} that is not an ioredis client`;
}

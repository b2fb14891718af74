import { createSecretKey } from 'node:crypto';
import { DataSealer, type SealKey } from '../../rules/data-sealer.js';
import { fail, flag, integer, isRecord, mustBe, noOthers } from '../../rules/option-rules.js';
import type { SessionModuleOptions } from '../options.js';
import type { SessionDataSettings } from '../settings.js';

type SessionDataOptions = NonNullable<SessionModuleOptions['sessionData']>;

const KEY_BYTES = 32;

/** @throws SessionConfigurationError, in which no key is ever quoted */
export function checkSessionData(options: SessionDataOptions): SessionDataSettings {
  if (!isRecord(options)) mustBe('sessionData', 'an object', options);
  noOthers(options, ['maxBytes', 'keys', 'acceptPlain'], 'sessionData.');
  const maxBytes = integer('sessionData.maxBytes', options.maxBytes ?? 8_192, { least: 2, most: 1_048_576 });
  const acceptPlain = flag('sessionData.acceptPlain', options.acceptPlain);
  if (options.keys === undefined) {
    if (acceptPlain)
      fail('sessionData.acceptPlain', 'has no effect without sessionData.keys: set keys, or leave it out');
    return { maxBytes, sealer: new DataSealer([], false) };
  }
  return { maxBytes, sealer: new DataSealer(checkKeys(options.keys), acceptPlain) };
}

function checkKeys(keys: NonNullable<SessionDataOptions['keys']>): SealKey[] {
  const option = 'sessionData.keys';
  if (!Array.isArray(keys) || keys.length === 0)
    fail(option, 'must be a list of at least one { id, key }: the first one seals');
  const checked = (keys as readonly unknown[]).map((one, i): SealKey => {
    const where = `${option}[${i}]`;
    if (!isRecord(one)) mustBe(where, '{ id, key }', one);
    noOthers(one, ['id', 'key'], `${where}.`);
    const { id, key } = one as { readonly id?: unknown; readonly key?: unknown };
    if (typeof id !== 'string' || !/^[\w-]{1,32}$/.test(id))
      fail(`${where}.id`, 'must be 1–32 letters, digits, _ or -');
    return { id, key: createSecretKey(keyBytes(`${where}.key`, key)) };
  });
  const twice = checked.find(({ id }, i) => checked.findIndex((other) => other.id === id) !== i);
  if (twice) fail(option, `has two keys with the id '${twice.id}': give each its own`);
  return checked;
}

function keyBytes(where: string, key: unknown): Uint8Array {
  const bytes =
    typeof key === 'string' && /^[A-Za-z0-9+/_-]+={0,2}$/.test(key) ? Buffer.from(key, 'base64') : key;
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return bytes;
  return fail(
    where,
    `must be ${KEY_BYTES} bytes, as a Buffer or as base64 (openssl rand -base64 ${KEY_BYTES})`,
  );
}

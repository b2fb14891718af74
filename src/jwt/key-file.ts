import type { JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JwtAlgorithm, JwtKey } from '@latchkey/session/jwt';
import { ConfigurationError } from '../config/app-config.js';

/**
 * The keys of `JWT_KEYS`: a JSON Web Key Set of private keys, each with a `kid` and, to rotate, `activeAt` and `retiredAt`
 * as ISO 8601 instants. What is in the file is in no message.
 * @throws ConfigurationError when it cannot be read
 */
export async function readKeyFile(path: string, algorithm: JwtAlgorithm): Promise<JwtKey[]> {
  const keys = parse(await read(path));
  if (!keys) {
    throw new ConfigurationError('JWT_KEYS', 'must name a file with a JSON Web Key Set: { "keys": [ … ] }');
  }
  return keys.map((key) => toJwtKey(key, algorithm));
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError('JWT_KEYS', `names a file that cannot be read (${code})`);
  }
}

function parse(text: string): readonly JsonWebKey[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    const isList = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
    return isList ? (keys as JsonWebKey[]) : undefined;
  } catch {
    return undefined;
  }
}

export function toJwtKey(key: JsonWebKey, algorithm: JwtAlgorithm): JwtKey {
  const { kid, activeAt, retiredAt, ...jwk } = key;
  return {
    kid: String(kid),
    ...(algorithm === 'HS256' ? { secret: jwk } : { privateKey: jwk }),
    ...(activeAt === undefined ? {} : { activeAt: instant(activeAt) }),
    ...(retiredAt === undefined ? {} : { retiredAt: instant(retiredAt) }),
  };
}

function instant(value: unknown): number {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) {
    throw new ConfigurationError(
      'JWT_KEYS',
      'must have ISO 8601 instants as activeAt and retiredAt, such as 2026-12-01T00:00:00Z',
    );
  }
  return at;
}

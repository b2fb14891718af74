import { generateKeyPair, type JsonWebKey, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { JwtAlgorithm, JwtKey } from '@latchkey/session/jwt';
import { ConfigurationError } from '../config/app-config.js';
import { readKeyFile, toJwtKey } from './key-file.js';

const generate = promisify(generateKeyPair);

/** A key of this process's own, for sessions that end with it. */
export async function ownKeys(algorithm: JwtAlgorithm): Promise<JwtKey[]> {
  return [toJwtKey(await newJwk(algorithm), algorithm)];
}

/** Where the nodes of one machine share a key while nobody has given them one. */
export function developmentKeyFile(algorithm: JwtAlgorithm): string {
  return join(tmpdir(), `latchkey-development-${process.getuid?.() ?? 'keys'}`, `${algorithm}.json`);
}

/**
 * The key that all nodes of this user on this machine share: in a file that only the user can read, because Redis is no
 * place for private keys. The first node makes it; of several at once, one.
 * @throws ConfigurationError when the place is not safe: somebody else may have put it there
 */
export async function sharedKeys(algorithm: JwtAlgorithm): Promise<JwtKey[]> {
  const file = developmentKeyFile(algorithm);
  try {
    await makeFolder(dirname(file));
    await makeOnce(file, JSON.stringify({ keys: [await newJwk(algorithm)] }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError('JWT_KEYS', `must be set: no key can be kept in ${file} (${code})`);
  }
  return readKeyFile(file, algorithm);
}

/** Ours alone, and not what somebody else has put there before. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  const isOurs =
    found.isDirectory() &&
    (process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o077) === 0));
  if (!isOurs) throw Object.assign(new Error('Others can get at it'), { code: 'open to others' });
}

/** Of several that make a file at once, one does, and it is never seen half written. */
async function makeOnce(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  await writeFile(draft, content, { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function newJwk(algorithm: JwtAlgorithm): Promise<JsonWebKey> {
  const kid = `development-${algorithm}`;
  if (algorithm === 'HS256') return { kid, kty: 'oct', k: randomBytes(32).toString('base64url') };
  return { ...(await newPrivateKey(algorithm)).export({ format: 'jwk' }), kid };
}

async function newPrivateKey(algorithm: Exclude<JwtAlgorithm, 'HS256'>) {
  if (algorithm === 'EdDSA') return (await generate('ed25519')).privateKey;
  if (algorithm === 'ES256') return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
  return (await generate('rsa', { modulusLength: 2048 })).privateKey;
}

import type { SessionModuleOptions } from '@latchkey/session';
import type { JwtKeys } from '@latchkey/session/jwt';
import type { AppConfig, JwtConfig } from '../config/app-config.js';
import { developmentKeyFile, ownKeys, sharedKeys } from './development-keys.js';
import { readKeyFile } from './key-file.js';

const NAME = 'latchkey-sample';

/** What the settings say about access tokens, as the library takes it. */
export async function accessTokenOptions(
  config: AppConfig,
): Promise<Pick<SessionModuleOptions, 'accessToken' | 'jwt'>> {
  const { jwt, publicOrigin: us = NAME } = config;
  if (!jwt) return {};
  const keys = await keysOf(jwt, config);
  return { accessToken: 'jwt', jwt: { algorithm: jwt.algorithm, issuer: us, audience: us, keys } };
}

/** Where the signing keys come from: for the start banner. */
export function accessTokenBanner({ jwt, storage }: AppConfig): string | undefined {
  if (!jwt) return undefined;
  const source =
    jwt.keysFile !== undefined
      ? `the keys of ${jwt.keysFile}`
      : storage.kind === 'memory'
        ? 'a key that ends with this process'
        : `a development key of this machine, in ${developmentKeyFile(jwt.algorithm)}`;
  return `access tokens: JWTs, signed by ${jwt.algorithm} with ${source}`;
}

async function keysOf({ algorithm, keysFile }: JwtConfig, { storage }: AppConfig): Promise<JwtKeys> {
  if (keysFile !== undefined) return () => readKeyFile(keysFile, algorithm); // a function: it is read again for rotation
  return storage.kind === 'memory' ? ownKeys(algorithm) : sharedKeys(algorithm);
}

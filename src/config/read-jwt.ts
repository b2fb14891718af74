import type { JwtAlgorithm } from '@latchkey/session/jwt';
import { ConfigurationError, type JwtConfig } from './app-config.js';

const ALGORITHMS: readonly JwtAlgorithm[] = ['EdDSA', 'ES256', 'RS256', 'HS256'];

/** @returns `undefined` for opaque access tokens */
export function readJwt(
  valueOf: (name: string) => string | undefined,
  production: boolean,
): JwtConfig | undefined {
  const kind = valueOf('ACCESS_TOKEN') ?? 'opaque';
  if (kind !== 'jwt' && kind !== 'opaque')
    throw new ConfigurationError('ACCESS_TOKEN', 'must be opaque or jwt');
  if (kind === 'opaque') return undefined;
  const name = valueOf('JWT_ALG') ?? 'EdDSA';
  const algorithm = ALGORITHMS.find((one) => one === name);
  if (!algorithm) throw new ConfigurationError('JWT_ALG', `must be one of ${ALGORITHMS.join(', ')}`);
  const keysFile = valueOf('JWT_KEYS');
  if (keysFile === undefined && production) {
    throw new ConfigurationError(
      'JWT_KEYS',
      'must be set in production: the path of a JSON Web Key Set with the keys that sign',
    );
  }
  return { algorithm, keysFile };
}

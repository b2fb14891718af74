import { Logger } from '@nestjs/common';
import type { Clock } from '../../basics/clock.js';
import { SessionConfigurationError } from '../../model/session-error.js';
import type { ModuleSettings } from '../../options/settings.js';
import { type AccessTokenFormat, OPAQUE_TOKENS } from '../../token/access-token.js';

/** The format that the options chose. `jwt/`, and with it the package jose, is loaded only when it is asked for. */
export async function openAccessTokens(
  { accessToken }: Pick<ModuleSettings, 'accessToken'>,
  clock: Clock,
): Promise<AccessTokenFormat> {
  if (accessToken.kind === 'opaque') return OPAQUE_TOKENS;
  const { JwtAccessTokens } = await loadJwt();
  const logger = new Logger('SessionModule');
  return JwtAccessTokens.open(accessToken, { clock, log: (line) => logger.warn(line) });
}

async function loadJwt() {
  try {
    return await import('../../signing/jwt-access-tokens.js');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!code.endsWith('MODULE_NOT_FOUND') || !message.includes("'jose'")) throw error;
    throw new SessionConfigurationError(
      'accessToken',
      "is 'jwt', which needs the package jose: npm install jose@6",
    );
  }
}

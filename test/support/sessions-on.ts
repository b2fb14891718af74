import type { SessionModuleOptions } from '@latchkey/session';
import { systemClock } from '../../libs/session/src/basics/clock.js';
import { redisStorage } from '../../libs/session/src/storage/open-storage.js';
import { openRedisRepository } from '../../libs/session/src/storage/redis/session-repository.js';
import type { RepositorySettings } from '../../libs/session/src/storage/contract/session-repository.js';
import { IpPolicy } from '../../libs/session/src/services/ip/ip-policy.service.js';
import { checkOptions } from '../../libs/session/src/options/checks/options-check.js';
import { openAccessTokens } from '../../libs/session/src/services/sessions/access-tokens.js';
import { SessionService } from '../../libs/session/src/services/sessions/session.service.js';
import { PATIENT_MS } from './patience.js';
import { OneTimeTokens } from '../../libs/session/src/services/one-time-tokens/one-time-tokens.service.js';
import { UserStateService } from '../../libs/session/src/services/users/user-state.service.js';

/**
 * The library's services on a Redis as a node has them, without an app around them. Redis gets two seconds unless the
 * options say otherwise.
 */
export async function sessionsOn(
  redis: NonNullable<SessionModuleOptions['redis']>,
  options: SessionModuleOptions = {},
  overrides: Partial<RepositorySettings> = {},
) {
  const settings = { ...checkOptions({ commandTimeoutMs: PATIENT_MS, ...options, redis }), ...overrides };
  if (settings.storage.kind !== 'redis') throw new Error('There is a Redis among the options');
  const log: string[] = [];
  const repository = await openRedisRepository(
    { ...settings.storage, log: (line) => log.push(line) },
    settings,
  );
  const storage = redisStorage(repository, settings.audit);
  const users = new UserStateService(repository, settings, storage.audit);
  const oneTimeTokens = new OneTimeTokens(storage.oneTimeTokens, settings, users);
  const tokens = await openAccessTokens(settings, systemClock);
  const ip = new IpPolicy(repository, settings);
  const sessions = new SessionService(repository, settings, tokens, users, ip);
  return { repository, users, sessions, oneTimeTokens, log, close: () => repository.close() };
}

export type SessionsOn = Awaited<ReturnType<typeof sessionsOn>>;

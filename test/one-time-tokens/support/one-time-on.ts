import { OneTimeTokens } from '@latchkey/session';
import type { SessionModuleOptions } from '@latchkey/session';
import { redisStorage } from '../../../libs/session/src/storage/open-storage.js';
import { checkOptions } from '../../../libs/session/src/options/checks/options-check.js';
import { sessionsOn } from '../../support/sessions-on.js';

/** A node with its sessions, its users and its one-time tokens on a Redis. */
export async function oneTimeOn(
  redis: NonNullable<SessionModuleOptions['redis']>,
  options: SessionModuleOptions = {},
) {
  const node = await sessionsOn(redis, options);
  const settings = checkOptions({ ...options, redis });
  const { oneTimeTokens } = redisStorage(node.repository, settings.audit);
  return { ...node, tokens: new OneTimeTokens(oneTimeTokens, settings, node.users) };
}

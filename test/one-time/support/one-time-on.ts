import { OneTimeTokens } from '@latchkey/session';
import type { SessionModuleOptions } from '@latchkey/session';
import { openOneTimeTokenRepository } from '../../../libs/session/src/storage/open-one-time-token-repository.js';
import { checkOptions } from '../../../libs/session/src/options/checks/options-check.js';
import { sessionsOn } from '../../redis/sessions-on.js';

/** A node with its sessions, its users and its one-time tokens on a Redis. */
export async function oneTimeOn(
  redis: NonNullable<SessionModuleOptions['redis']>,
  options: SessionModuleOptions = {},
) {
  const node = await sessionsOn(redis, options);
  const repository = openOneTimeTokenRepository(node.repository);
  return { ...node, tokens: new OneTimeTokens(repository, checkOptions({ ...options, redis }), node.users) };
}

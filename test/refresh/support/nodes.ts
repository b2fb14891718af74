import type { SessionModuleOptions, SessionService, UserStateService } from '@latchkey/session';
import { FakeClock } from '@latchkey/session/testing';
import { IpPolicy } from '../../../libs/session/src/services/ip/ip-policy.service.js';
import { MemoryAuditRepository } from '../../../libs/session/src/storage/memory/audit-repository.js';
import { MemorySessionRepository } from '../../../libs/session/src/storage/memory/session-repository.js';
import { openAccessTokens } from '../../../libs/session/src/services/sessions/access-tokens.js';
import { checkOptions } from '../../../libs/session/src/options/checks/options-check.js';
import { SessionService as Sessions } from '../../../libs/session/src/services/sessions/session.service.js';
import { UserStateService as Users } from '../../../libs/session/src/services/users/user-state.service.js';
import { sessionsOn } from '../../support/sessions-on.js';

/** A node as far as refreshing goes. */
export interface RefreshNode {
  readonly sessions: SessionService;
  readonly users: UserStateService;
  close(): Promise<void>;
}

/** Two sets of services on one repository in memory. */
export async function memoryNodes({ clock = new FakeClock() } = {}): Promise<RefreshNode[]> {
  const settings = checkOptions({ refresh: true, clock, allowMemoryInProduction: true });
  const repository = new MemorySessionRepository(settings, clock);
  const tokens = await openAccessTokens(settings, clock);
  return [0, 1].map(() => {
    const users = new Users(repository, settings, new MemoryAuditRepository(settings.audit, clock));
    const sessions = new Sessions(repository, settings, tokens, users, new IpPolicy(repository, settings));
    return { sessions, users, close: () => repository.close() };
  });
}

/** Two nodes on one Redis, each with a connection of its own. */
export function redisNodes(
  url: string,
  refresh: Exclude<SessionModuleOptions['refresh'], boolean | undefined> = {},
): Promise<RefreshNode[]> {
  return Promise.all([0, 1].map(() => sessionsOn(url, { refresh })));
}

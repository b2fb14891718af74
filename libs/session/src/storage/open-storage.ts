import type { Clock } from '../basics/clock.js';
import type { ModuleSettings } from '../options/settings.js';
import { AuditScripts } from '../redis/scripts/audit.js';
import { OneTimeTokenScripts } from '../redis/scripts/one-time-tokens.js';
import { LeaseScripts } from '../redis/scripts/nodes.js';
import { ThrottleScripts } from '../redis/scripts/throttle.js';
import type { AuditRepository, AuditSettings } from './contract/audit-repository.js';
import type { OneTimeTokenRepository } from './contract/one-time-token-repository.js';
import type { SessionRepository } from './contract/session-repository.js';
import { MemoryAuditRepository } from './memory/audit-repository.js';
import { MemoryOneTimeTokenRepository } from './memory/one-time-token-repository.js';
import { MemorySessionRepository } from './memory/session-repository.js';
import type { NearCacheSettings } from './near/near-cache.js';
import { NearOneTimeTokenRepository } from './near/one-time-token-repository.js';
import { NearSessionRepository } from './near/session-repository.js';
import { RedisAuditRepository } from './redis/audit-repository.js';
import { distrust } from './redis/distrust.js';
import { RedisOneTimeTokenRepository } from './redis/one-time-token-repository.js';
import { openRedisRepository, type RedisSessionRepository } from './redis/session-repository.js';

/** All that a module keeps: in one Redis by one connection, or in this process's memory. */
export interface Storage {
  /** With its users, data, events, nodes and lists of addresses. Closing it closes the connection of all. */
  readonly sessions: SessionRepository;
  readonly oneTimeTokens: OneTimeTokenRepository;
  readonly audit: AuditRepository;
  /** Counts for `@nestjs/throttler`; absent in memory, where the throttler counts itself. */
  readonly throttle?: ThrottleScripts;
}

interface RedisStorage extends Storage {
  readonly sessions: RedisSessionRepository;
}

/** @param log takes one line for people */
export async function openStorage(settings: ModuleSettings, log: (line: string) => void): Promise<Storage> {
  const { storage, audit } = settings;
  if (storage.kind === 'memory')
    return memoryStorage(new MemorySessionRepository(settings, storage.clock), audit, storage.clock);
  const inRedis = redisStorage(await openRedisRepository({ ...storage, log }, settings), audit);
  return withLeases(inRedis, storage.nearCache);
}

/**
 * The same, with acts that wait for near caches, whoever has one.
 * @param settings of this process's own; absent: it has none
 */
export async function withLeases(
  storage: RedisStorage,
  settings: NearCacheSettings | undefined,
): Promise<Storage> {
  const { connection, keys } = storage.sessions;
  const sessions = new NearSessionRepository(storage.sessions, new LeaseScripts(connection, keys), settings);
  const oneTimeTokens = new NearOneTimeTokenRepository(storage.oneTimeTokens, sessions.leases);
  return { ...storage, sessions: await sessions.start(), oneTimeTokens };
}

/** What lies in the same Redis as the sessions. */
export function redisStorage(sessions: RedisSessionRepository, audit: AuditSettings): RedisStorage {
  const { connection, keys } = sessions;
  const complain = (line: string): void => connection.complain(line);
  return {
    sessions,
    // Beside the user records, to whose epochs they are bound.
    oneTimeTokens: distrust(
      new RedisOneTimeTokenRepository(new OneTimeTokenScripts(connection, keys), sessions.acts),
      complain,
    ),
    audit: distrust(new RedisAuditRepository(new AuditScripts(connection, keys), audit, complain), complain),
    throttle: new ThrottleScripts(connection, keys),
  };
}

/** What lies in this process beside the sessions. */
export function memoryStorage(
  sessions: MemorySessionRepository,
  audit: AuditSettings,
  clock: Clock,
): Storage {
  return {
    sessions,
    oneTimeTokens: new MemoryOneTimeTokenRepository(sessions),
    audit: new MemoryAuditRepository(audit, clock),
  };
}

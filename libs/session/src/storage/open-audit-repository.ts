import { AuditScripts } from '../redis/scripts/audit.js';
import type { Clock } from '../basics/clock.js';
import type { AuditRepository, AuditSettings } from './contract/audit-repository.js';
import { distrust } from './redis/distrust.js';
import { MemoryAuditRepository } from './memory/audit-repository.js';
import { RedisAuditRepository } from './redis/audit-repository.js';
import { redisPlaceOf } from './redis/session-repository.js';
import type { SessionRepository } from './contract/session-repository.js';

/** The audit log that goes with a repository: on the same Redis by the same connection, or in memory as well. */
export function openAuditRepository(
  repository: SessionRepository,
  settings: AuditSettings,
  clock?: Clock,
): AuditRepository {
  const place = redisPlaceOf(repository);
  if (!place) return new MemoryAuditRepository(settings, clock);
  const complain = (line: string): void => place.connection.complain(line);
  const scripts = new AuditScripts(place.connection, place.keys);
  return distrust(new RedisAuditRepository(scripts, settings, complain), complain);
}

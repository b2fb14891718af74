import { AuditScripts } from '../redis/audit-scripts.js';
import type { Clock } from '../model/clock.js';
import type { AuditRepository, AuditSettings } from './audit-repository.js';
import { distrust } from './distrust.js';
import { MemoryAuditRepository } from './memory-audit-repository.js';
import { RedisAuditRepository } from './redis-audit-repository.js';
import { redisPlaceOf } from './redis-session-repository.js';
import type { SessionRepository } from './session-repository.js';

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

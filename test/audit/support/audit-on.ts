import { AuditLog } from '@latchkey/session';
import type {
  AuditRepository,
  AuditSettings,
} from '../../../libs/session/src/storage/contract/audit-repository.js';
import { redisStorage } from '../../../libs/session/src/storage/open-storage.js';
import { sessionsOn } from '../../support/sessions-on.js';

export const RELAXED_AUDIT: AuditSettings = {
  retentionMs: 3_600_000,
  maxDenials: 100,
  abandonedAfterMs: 60_000,
};

/** A node with its sessions and its audit log on a Redis. */
export async function auditOn(redis: string, settings: Partial<AuditSettings> = {}) {
  const node = await sessionsOn(redis);
  const log: string[] = [];
  const repository: AuditRepository = redisStorage(node.repository, {
    ...RELAXED_AUDIT,
    ...settings,
  }).audit;
  return { ...node, repository, audit: new AuditLog(repository, (line) => log.push(line)), log };
}

import { AuditLog } from '@latchkey/session';
import type {
  AuditRepository,
  AuditSettings,
} from '../../../libs/session/src/storage/contract/audit-repository.js';
import { redisStorage } from '../../../libs/session/src/storage/open-storage.js';
import { RELAXED_AUDIT } from '../../../libs/session/src/testing/contract/audit.js';
import { sessionsOn } from '../../support/sessions-on.js';

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

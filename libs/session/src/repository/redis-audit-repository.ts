import type {
  AuditAct,
  AuditDetails,
  AuditEntry,
  AuditOutcome,
  AuditPage,
  NewAuditEntry,
} from '../model/audit-entry.js';
import type { AuditScripts, StreamEntry } from '../redis/audit-scripts.js';
import {
  AUDIT_SCAN,
  type AuditQuery,
  type AuditRepository,
  type AuditSettings,
  type AuditSettlement,
} from './audit-repository.js';

/** The audit log in two Redis Streams (redis/keys.ts): each method is one script on its slot. */
export class RedisAuditRepository implements AuditRepository {
  constructor(
    private readonly scripts: AuditScripts,
    private readonly settings: AuditSettings,
  ) {}

  async append(entry: NewAuditEntry): Promise<string> {
    const args = { outcome: entry.outcome, ...toFields(entry), ...this.settings };
    return (await this.scripts.append(args)).toString();
  }

  async begin(act: AuditAct): Promise<string> {
    return (await this.scripts.begin(toFields(act))).toString();
  }

  async settle(pendingId: string, { outcome, details, actorId = '' }: AuditSettlement): Promise<void> {
    const settled = { outcome, actor: actorId, details: JSON.stringify(details) };
    await this.scripts.settle({ pendingId, ...settled, ...this.settings });
  }

  async read({ limit, before = '', userId = '' }: AuditQuery): Promise<AuditPage> {
    const scan = userId === '' ? limit : AUDIT_SCAN;
    const [entries, next] = await this.scripts.read({ limit, before, userId, scan, ...this.settings });
    return { entries: entries.map(toEntry), ...(next.length === 0 ? {} : { next: next.toString() }) };
  }
}

function toFields({ action, actorId = '', targetId = '', ip = '', details = {} }: AuditAct) {
  return { action, actor: actorId, target: targetId, ip, details: JSON.stringify(details) };
}

function toEntry([idBytes, values]: StreamEntry): AuditEntry {
  const id = idBytes.toString();
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < values.length; i += 2) fields.set(String(values[i]), String(values[i + 1]));
  const field = (name: string): string => fields.get(name) ?? '';
  const optional = <K extends string>(key: K, value: string) =>
    (value === '' ? {} : { [key]: value }) as { [P in K]?: string };
  return {
    id,
    at: Number(fields.get('at') ?? id.split('-', 1)[0]),
    action: field('action'),
    outcome: field('outcome') as AuditOutcome,
    ...optional('actorId', field('actor')),
    ...optional('targetId', field('target')),
    ...optional('ip', field('ip')),
    details: JSON.parse(field('details')) as AuditDetails,
  };
}

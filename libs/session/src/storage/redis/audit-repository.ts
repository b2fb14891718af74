import {
  type AuditAct,
  type AuditDetails,
  type AuditEntry,
  type AuditLoss,
  type AuditPage,
  isAuditOutcome,
  type NewAuditEntry,
} from '../../model/audit-entry.js';
import { SessionError } from '../../model/session-error.js';
import type { AuditScripts, StreamEntry } from '../../redis/scripts/audit.js';
import {
  AUDIT_SCAN,
  type AuditQuery,
  type AuditRepository,
  type AuditSettings,
  type AuditSettlement,
} from '../contract/audit-repository.js';

/** Acts that may be begun in an hour while Redis is full: some 300 KB. */
const MOST_WHEN_FULL = 1_000;

/** The audit log in three Redis Streams (redis/keys.ts): each method is one script on its slot. */
export class RedisAuditRepository implements AuditRepository {
  /** @param complain takes one line for people */
  constructor(
    private readonly scripts: AuditScripts,
    private readonly settings: AuditSettings,
    private readonly complain: (line: string) => void = () => undefined,
  ) {}

  async append(entry: NewAuditEntry): Promise<string> {
    const args = { outcome: entry.outcome, ...toFields(entry), ...this.settings };
    return (await this.scripts.append(args)).toString();
  }

  async begin(act: AuditAct): Promise<string> {
    const fields = toFields(act);
    try {
      return (await this.scripts.begin(fields)).toString();
    } catch (error) {
      // A moderator's block must work in a full Redis, and have its entry. What anybody can begin waits until there is room.
      if (act.actorId === undefined || !isFull(error)) throw error;
      return (await this.scripts.beginWhenFull({ ...fields, most: MOST_WHEN_FULL })).toString();
    }
  }

  async settle(pendingId: string, { outcome, details, actorId = '' }: AuditSettlement): Promise<void> {
    const settled = { outcome, actor: actorId, details: JSON.stringify(details) };
    await this.scripts.settle({ pendingId, ...settled, ...this.settings });
  }

  async read({ limit, before = '', userId = '' }: AuditQuery): Promise<AuditPage> {
    const scan = userId === '' ? limit : AUDIT_SCAN;
    const [entries, next, dropped] = await this.scripts.read({
      limit,
      before,
      userId,
      scan,
      ...this.settings,
    });
    return {
      entries: entries.flatMap((entry) => this.readable(entry)),
      ...(next.length === 0 ? {} : { next: next.toString() }),
      ...lossOf(dropped),
    };
  }

  /** An entry that is none of ours is left out: it must not hide the others. */
  private readable(entry: StreamEntry): readonly AuditEntry[] {
    try {
      return [toEntry(entry)];
    } catch (error) {
      this.complain(`An audit entry cannot be read and was left out: ${String(error)}`);
      return [];
    }
  }
}

/** @throws Error for what is no entry of ours */
function readDetails(text: string): AuditDetails {
  const details: unknown = JSON.parse(text);
  if (typeof details === 'object' && details !== null && !Array.isArray(details))
    return details as AuditDetails;
  throw new TypeError('its details are no object');
}

/** Of names of streams and instants in turns. */
function lossOf(dropped: readonly Buffer[]): Pick<AuditPage, 'droppedBefore'> {
  const loss: Record<string, number> = {};
  for (let i = 0; i + 1 < dropped.length; i += 2) loss[String(dropped[i])] = Number(dropped[i + 1]);
  return dropped.length === 0 ? {} : { droppedBefore: loss satisfies AuditLoss };
}

function isFull(error: unknown): boolean {
  return (
    error instanceof SessionError && error.cause instanceof Error && error.cause.message.startsWith('OOM')
  );
}

function toFields({ action, actorId = '', targetId = '', ip = '', details = {}, isRoutine }: AuditAct) {
  const routine = isRoutine ? 1 : '';
  return { action, actor: actorId, target: targetId, ip, details: JSON.stringify(details), routine };
}

function toEntry([idBytes, values]: StreamEntry): AuditEntry {
  const id = idBytes.toString();
  if (!Array.isArray(values)) throw new TypeError('it has no fields');
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < values.length; i += 2) fields.set(String(values[i]), String(values[i + 1]));
  const field = (name: string): string => fields.get(name) ?? '';
  const outcome = field('outcome');
  if (field('action') === '' || !isAuditOutcome(outcome)) throw new TypeError('it lacks a field');
  const optional = <K extends string>(key: K, value: string) =>
    (value === '' ? {} : { [key]: value }) as { [P in K]?: string };
  return {
    id,
    at: Number(fields.get('at') ?? id.split('-', 1)[0]),
    action: field('action'),
    outcome,
    ...optional('actorId', field('actor')),
    ...optional('targetId', field('target')),
    ...optional('ip', field('ip')),
    details: readDetails(field('details')),
    ...(field('routine') === '' ? {} : { isRoutine: true }),
  };
}

import {
  AUDIT_OUTCOMES,
  type AuditAct,
  type AuditEntry,
  type AuditLoss,
  type AuditPage,
  type NewAuditEntry,
} from '../../model/audit-entry.js';
import { type Clock, systemClock } from '../../basics/clock.js';
import {
  AUDIT_SCAN,
  type AuditQuery,
  type AuditRepository,
  type AuditSettings,
  type AuditSettlement,
} from '../contract/audit-repository.js';

/** A process's memory is no place for three months of acts. */
const MOST_IN_MEMORY = 10_000;

type Kind = keyof AuditLoss;

/** The audit log in this process's memory: its last entries, until the process ends. */
export class MemoryAuditRepository implements AuditRepository {
  /** Oldest first. */
  private readonly kept: Record<Kind, AuditEntry[]> = { acts: [], routine: [], denials: [] };
  /** Before which instant a bound has dropped entries. */
  private readonly dropped: Partial<Record<Kind, number>> = {};
  private readonly most: Readonly<Record<Kind, number>>;
  /** In the order in which they were begun. */
  private readonly pending = new Map<string, { readonly act: AuditAct; readonly at: number }>();
  private begun = 0;
  private last = { at: 0, sequence: 0 };

  constructor(
    private readonly settings: AuditSettings,
    private readonly clock: Clock = systemClock,
  ) {
    this.most = {
      acts: Math.min(settings.maxActs, MOST_IN_MEMORY),
      routine: Math.min(settings.maxRoutine, MOST_IN_MEMORY),
      denials: settings.maxDenials,
    };
  }

  async append(entry: NewAuditEntry): Promise<string> {
    this.tidy();
    return this.add(entry);
  }

  async begin(act: AuditAct): Promise<string> {
    const id = String((this.begun += 1));
    this.pending.set(id, { act: copy(act), at: this.clock.now() });
    return id;
  }

  async settle(pendingId: string, { outcome, details, actorId }: AuditSettlement): Promise<void> {
    this.tidy();
    const pending = this.pending.get(pendingId);
    if (!pending) return;
    this.pending.delete(pendingId);
    this.add({ ...pending.act, outcome, details, ...(actorId === undefined ? {} : { actorId }) });
  }

  async read({ limit, before, userId }: AuditQuery): Promise<AuditPage> {
    this.tidy();
    const older = Object.values(this.kept)
      .flat()
      .filter(({ id }) => before === undefined || compareIds(id, before) < 0)
      .sort((a, b) => compareIds(b.id, a.id));
    const entries: AuditEntry[] = [];
    let scanned = 0;
    for (const entry of older) {
      if (entries.length === limit || scanned === AUDIT_SCAN) break;
      scanned += 1;
      if (userId === undefined || entry.actorId === userId || entry.targetId === userId) entries.push(entry);
    }
    const next = older[scanned - 1]?.id;
    const more = scanned < older.length && next !== undefined ? { next } : {};
    return { entries, ...more, ...this.loss() };
  }

  private add(entry: NewAuditEntry, begunAt?: number): string {
    const now = this.clock.now();
    const { last } = this;
    this.last = last.at >= now ? { at: last.at, sequence: last.sequence + 1 } : { at: now, sequence: 0 };
    const id = `${this.last.at}-${this.last.sequence}`;
    const { isAct } = AUDIT_OUTCOMES[entry.outcome];
    const kind: Kind = !isAct ? 'denials' : entry.isRoutine ? 'routine' : 'acts';
    const kept = this.kept[kind];
    kept.push({ ...copy(entry), id, at: begunAt ?? this.last.at });
    const over = kept.length - this.most[kind];
    if (over > 0) {
      kept.splice(0, over);
      this.dropped[kind] = instantOf((kept[0] as AuditEntry).id);
    }
    return id;
  }

  private loss(): Pick<AuditPage, 'droppedBefore'> {
    const oldest = this.clock.now() - this.settings.retentionMs;
    const noted = Object.entries(this.dropped).filter(([, at]) => at > oldest);
    return noted.length === 0 ? {} : { droppedBefore: Object.fromEntries(noted) };
  }

  private tidy(): void {
    const now = this.clock.now();
    for (const [id, { act, at }] of this.pending) {
      if (now - at <= this.settings.abandonedAfterMs) break;
      this.pending.delete(id);
      this.add({ ...act, outcome: 'unknown' }, at);
    }
    const oldest = now - this.settings.retentionMs;
    const isKept = ({ id }: AuditEntry): boolean => instantOf(id) >= oldest;
    for (const kept of Object.values(this.kept)) kept.splice(0, firstIndex(kept, isKept));
  }
}

function copy<T extends AuditAct>(act: T): T & Pick<AuditEntry, 'details'> {
  const known = Object.entries(act).filter(
    ([name, value]) => value !== undefined && !(name === 'isRoutine' && !value),
  );
  return { ...(Object.fromEntries(known) as T), details: structuredClone(act.details ?? {}) };
}

function firstIndex(entries: readonly AuditEntry[], isKept: (entry: AuditEntry) => boolean): number {
  const index = entries.findIndex(isKept);
  return index < 0 ? entries.length : index;
}

function instantOf(id: string): number {
  return Number(id.split('-', 1)[0]);
}

function compareIds(a: string, b: string): number {
  return instantOf(a) - instantOf(b) || Number(a.split('-')[1]) - Number(b.split('-')[1]);
}

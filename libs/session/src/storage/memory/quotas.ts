import type { QuotaPolicy, QuotaResult } from '../../model/quota.js';
import { Gcra } from '../../rules/gcra.js';
import type { QuotaReceipt } from '../contract/session-repository.js';
import type { KeptQuota } from '../contract/user-repository.js';

const SWEEP_EVERY = 1_024;

interface QuotaShare {
  readonly key: string;
  readonly policy: QuotaPolicy;
  readonly cost: number;
  readonly receipt?: QuotaReceipt | undefined;
}

/** The TAT of every quota that is not full, by the name of its key, least recently used first. */
export class MemoryQuotas {
  private readonly tats = new Map<string, number>();
  /** What was consumed under a name, by the quota's key and that name. */
  private readonly receipts = new Map<string, { readonly cost: number; readonly until: number }>();
  private writes = 0;

  /** @param most so many are kept: beyond it the least recently used is forgotten, and so is full again */
  constructor(private readonly most = Infinity) {}

  /** All of them or none. */
  consumeAll(
    quotas: readonly { readonly key: string; readonly policy: QuotaPolicy }[],
    nowMs: number,
  ): QuotaResult[] {
    const states = quotas.map(({ key, policy }) => ({ key, gcra: this.read(key, policy, nowMs) }));
    const rooms = states.map(({ gcra }) => gcra.waitUs(1) === 0);
    const allowed = rooms.every(Boolean);
    return states.map(({ key, gcra }, i) => {
      this.write(key, gcra, { cost: allowed ? 1 : 0, nowMs });
      return gcra.result(rooms[i] === true);
    });
  }

  apply(
    operation: 'consume' | 'peek' | 'refund' | 'reset',
    { key, policy, cost, receipt }: QuotaShare,
    nowMs: number,
  ): QuotaResult {
    if (operation === 'reset') this.forgetOne(key);
    const gcra = this.read(key, policy, nowMs);
    const allowed = gcra.waitUs(cost) === 0;
    const name = receipt && `${key} ${receipt.name}`;
    if (operation === 'consume') {
      this.write(key, gcra, { cost: allowed ? cost : 0, nowMs });
      if (allowed && name) this.receipts.set(name, { cost, until: nowMs + receipt.termMs });
      return gcra.result(allowed, cost);
    }
    if (operation !== 'refund') return gcra.result(allowed);
    const taken = name === undefined ? cost : this.receipts.get(name)?.cost;
    if (taken !== undefined) this.write(key, gcra, { cost: -taken, nowMs });
    return gcra.result(name === undefined ? allowed : this.receipts.delete(name));
  }

  /** Forgets every quota whose key begins so. */
  forget(prefix: string): void {
    for (const kept of [this.tats, this.receipts]) {
      for (const key of kept.keys()) if (key.startsWith(prefix)) kept.delete(key);
    }
  }

  /** What is used up of the quotas whose key is `prefix`, a name, and for a quota by session a colon and its ID. */
  kept(prefix: string, nowMs: number): KeptQuota[] {
    const kept: KeptQuota[] = [];
    for (const [key, tatUs] of this.tats) {
      if (!key.startsWith(prefix) || tatUs <= nowMs * 1_000) continue;
      const rest = key.slice(prefix.length);
      const [, name = rest, sessionId] = /^(.+):([\w-]{16})$/.exec(rest) ?? [];
      kept.push({
        name,
        ...(sessionId === undefined ? {} : { sessionId }),
        fullAt: Math.ceil(tatUs / 1_000),
      });
    }
    return kept;
  }

  private forgetOne(key: string): void {
    this.tats.delete(key);
    for (const name of this.receipts.keys()) if (name.startsWith(`${key} `)) this.receipts.delete(name);
  }

  clear(): void {
    this.tats.clear();
    this.receipts.clear();
  }

  private read(key: string, policy: QuotaPolicy, nowMs: number): Gcra {
    return new Gcra(policy, this.tats.get(key) ?? 0, nowMs * 1_000);
  }

  /** Also of what was refused: a TAT that was too far ahead would stay so for as long as the clock stepped back. */
  private write(
    key: string,
    gcra: Gcra,
    { cost, nowMs }: { readonly cost: number; readonly nowMs: number },
  ): void {
    // Deleted and set again, it is the last one.
    if (!this.tats.delete(key) && cost === 0) return;
    gcra.consume(cost);
    this.tats.set(key, gcra.tatUs);
    const [leastRecent] = this.tats.size > this.most ? this.tats.keys() : [];
    if (leastRecent !== undefined) this.tats.delete(leastRecent);
    // A quota that is full again is as good as none.
    if (++this.writes % SWEEP_EVERY !== 0) return;
    for (const [other, tatUs] of this.tats) if (tatUs <= nowMs * 1_000) this.tats.delete(other);
    for (const [other, { until }] of this.receipts) if (until <= nowMs) this.receipts.delete(other);
  }
}

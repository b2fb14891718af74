import type { QuotaPolicy, QuotaResult } from '../model/quota.js';
import { Gcra } from '../rate-limit/gcra.js';

const SWEEP_EVERY = 1_024;

/** The TAT of every quota that is not full, by the name of its key. */
export class MemoryQuotas {
  private readonly tats = new Map<string, number>();
  private writes = 0;

  /** All of them or none. */
  consumeAll(
    quotas: readonly { readonly key: string; readonly policy: QuotaPolicy }[],
    nowMs: number,
  ): QuotaResult[] {
    const states = quotas.map(({ key, policy }) => ({ key, gcra: this.read(key, policy, nowMs) }));
    const rooms = states.map(({ gcra }) => gcra.waitUs(1) === 0);
    const allowed = rooms.every(Boolean);
    return states.map(({ key, gcra }, i) => {
      if (allowed) this.write(key, gcra, { cost: 1, nowMs });
      return gcra.result(rooms[i] === true);
    });
  }

  apply(
    operation: 'consume' | 'peek' | 'refund' | 'reset',
    { key, policy, cost }: { readonly key: string; readonly policy: QuotaPolicy; readonly cost: number },
    nowMs: number,
  ): QuotaResult {
    if (operation === 'reset') this.tats.delete(key);
    const gcra = this.read(key, policy, nowMs);
    const allowed = gcra.waitUs(cost) === 0;
    if (operation === 'refund') this.write(key, gcra, { cost: -cost, nowMs });
    if (operation === 'consume' && allowed) this.write(key, gcra, { cost, nowMs });
    return gcra.result(allowed);
  }

  /** Forgets every quota whose key begins so. */
  forget(prefix: string): void {
    for (const key of this.tats.keys()) if (key.startsWith(prefix)) this.tats.delete(key);
  }

  clear(): void {
    this.tats.clear();
  }

  private read(key: string, policy: QuotaPolicy, nowMs: number): Gcra {
    return new Gcra(policy, this.tats.get(key) ?? 0, nowMs * 1_000);
  }

  private write(
    key: string,
    gcra: Gcra,
    { cost, nowMs }: { readonly cost: number; readonly nowMs: number },
  ): void {
    gcra.consume(cost);
    this.tats.set(key, gcra.tatUs);
    // A quota that is full again is as good as none.
    if (++this.writes % SWEEP_EVERY !== 0) return;
    for (const [other, tatUs] of this.tats) if (tatUs <= nowMs * 1_000) this.tats.delete(other);
  }
}

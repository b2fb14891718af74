import type { AskedLease } from '../../../libs/session/src/storage/contract/lease.js';

export interface SlotLease {
  readonly holder: string;
  readonly from: number;
  readonly to: number;
  readonly expiresAt: number;
}

const MARGIN_MS = 250;
const MOST = 64;

/** Field 'k' of a user's hash, with the meaning that redis/lua/include/lease.lua and its two scripts give it. */
export class LeaseSlot {
  leases: readonly SlotLease[] = [];

  /** What a check does with the lease that it is asked for. @returns whether the answer may be kept */
  grant({ holder, fill, termMs }: AskedLease, now: number, freshUntil = Infinity): boolean {
    if (now + termMs > freshUntil) return false;
    const standing = this.unexpired(now);
    const own = standing.find((lease) => lease.holder === holder);
    if (!own && standing.length >= MOST) return false;
    const { from, to, expiresAt } = own ?? { from: fill, to: fill, expiresAt: 0 };
    const next = {
      holder,
      from: Math.min(from, fill),
      to: Math.max(to, fill),
      expiresAt: Math.max(expiresAt, now + termMs),
    };
    this.leases = own ? standing.map((lease) => (lease === own ? next : lease)) : [...standing, next];
    return true;
  }

  giveBack(holder: string, through: number): void {
    this.leases = this.leases
      .map((lease) =>
        lease.holder === holder && lease.from <= through ? { ...lease, from: through + 1 } : lease,
      )
      .filter(({ from, to }) => from <= to);
  }

  /** @returns those that are asked to give back */
  recall(now: number): readonly SlotLease[] {
    const standing = this.unexpired(now);
    if (standing.length === 0) this.leases = [];
    return standing;
  }

  private unexpired(now: number): SlotLease[] {
    return this.leases.filter(({ expiresAt }) => expiresAt + MARGIN_MS > now);
  }
}

import type { QuotaShare } from './quota-refunds.js';

/** Longer than a busy machine keeps a process waiting: a flood that goes on must not find its refusals forgotten. */
const TERM_MS = 5_000;
const MOST = 10_000;

/**
 * Shares that were lately taken in vain. Requests that want them pay a second round trip: they are checked before they take
 * anything, so that a flood of refused requests holds no share that others have part in.
 */
export class RecentRefusals {
  private readonly until = new Map<string, number>();

  note(shares: readonly QuotaShare[]): void {
    if (this.until.size >= MOST) this.until.clear();
    for (const share of shares) this.until.set(nameOf(share), performance.now() + TERM_MS);
  }

  /** The shares with those first that were lately refused; `undefined`: none was. */
  suspectsFirst<T extends QuotaShare>(shares: readonly T[]): readonly T[] | undefined {
    if (this.until.size === 0) return undefined;
    const suspects = shares.filter((share) => this.has(share));
    if (suspects.length === 0) return undefined;
    return [...suspects, ...shares.filter((share) => !suspects.includes(share))];
  }

  private has(share: QuotaShare): boolean {
    const name = nameOf(share);
    const until = this.until.get(name);
    if (until === undefined || until > performance.now()) return until !== undefined;
    this.until.delete(name);
    return false;
  }
}

function nameOf({ policy, partition }: QuotaShare): string {
  return `${policy.name} ${partition.key}`;
}

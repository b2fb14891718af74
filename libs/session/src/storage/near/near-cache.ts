import type { TokenLookup } from '../../model/decision.js';
import type { AskedLease } from '../contract/lease.js';
import type { TokenProof } from '../contract/session-repository.js';
import { elapsedMs, type Instant } from './instant.js';

export interface NearCacheSettings {
  /** How long an answer may be kept, in milliseconds. */
  readonly leaseMs: number;
  /** How many answers are kept at most; 0: none is. */
  readonly maxEntries: number;
  /** Tests need not wait until everybody knows. Default 1.2 s. */
  readonly firstWaitMs?: number;
}

export type KnownLookup = Extract<TokenLookup, { kind: 'known' }>;

/** An answer that may be kept, and what of it changes with time. */
export interface Entry {
  readonly proof: TokenProof;
  readonly lookup: KnownLookup;
  readonly sentAt: Instant;
  readonly touchDueAt: number;
  /** When the session, or the token before it, ends. */
  readonly endsAt: number;
}

/** A check on its way whose answer may be kept. */
export interface Fill {
  readonly lease: AskedLease;
  readonly sentAt: Instant;
  /** Something was done to the user since it was sent: its answer may be older than that. */
  isOutdated: boolean;
}

/** Of a lease's term: the rest is for clocks that do not run alike. */
export const USED_SHARE = 0.98;

/**
 * What one process keeps of the checks that it made. It knows nothing of Redis: who asks it has to keep the protocol, in
 * which an entry is good until its lease has run out, counted from before it was asked for, or until it is recalled.
 */
export class NearCache {
  /** By session ID, the oldest first. All have the same term, so the oldest are the first to run out. */
  private readonly entries = new Map<string, Entry>();
  private readonly sessionsOf = new Map<string, Set<string>>();
  private readonly fillsOf = new Map<string, Set<Fill>>();
  private fills = 0;

  /** @param holder its name in leases */
  constructor(
    private readonly holder: string,
    private readonly settings: NearCacheSettings,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** What is kept of a token and still good, without what depends on the request. */
  find({ userRef, sessionId, tokenHash }: TokenProof, now: Instant): Entry | undefined {
    const entry = this.entries.get(sessionId);
    if (!entry || entry.proof.userRef !== userRef || !entry.proof.tokenHash.equals(tokenHash))
      return undefined;
    return this.isGood(entry, now) ? entry : undefined;
  }

  /** How long ago an entry was asked for, in milliseconds: what it is by Redis's clock by now is no more. */
  ageOf({ sentAt }: Entry, now: Instant): number {
    return elapsedMs(sentAt, now);
  }

  /** Before a check is sent whose answer is to be kept. Whatever becomes of it, `end` follows. */
  begin(userRef: string, sentAt: Instant): Fill {
    const { holder, settings } = this;
    this.fills += 1;
    const lease = { holder, fill: this.fills, termMs: settings.leaseMs };
    const fill = { lease, sentAt, isOutdated: false };
    this.fillsOf.set(userRef, (this.fillsOf.get(userRef) ?? new Set()).add(fill));
    return fill;
  }

  /** Keeps the answer to a fill, unless it is outdated or comes after its lease. */
  end(fill: Fill, proof: TokenProof, answer: KnownLookup | undefined, now: Instant): void {
    const fills = this.fillsOf.get(proof.userRef);
    fills?.delete(fill);
    if (fills?.size === 0) this.fillsOf.delete(proof.userRef);
    if (fill.isOutdated || !this.isGood(fill, now) || !answer?.lease || answer.status !== 'live') return;
    const { lease, ...lookup } = answer;
    const endsAt = Math.min(lookup.session.expiresAt, lookup.tokenEndsAt ?? Infinity);
    this.keep({ proof, lookup, sentAt: fill.sentAt, touchDueAt: lease.touchDueAt, endsAt });
  }

  /**
   * Something was done to a user: drops what is kept, and nothing that is on its way is kept or believed.
   * @returns the last fill that was sent before: all of the user's up to it may be given back
   */
  invalidate(userRef: string): number {
    for (const sessionId of this.sessionsOf.get(userRef) ?? []) this.entries.delete(sessionId);
    this.sessionsOf.delete(userRef);
    for (const fill of this.fillsOf.get(userRef) ?? []) fill.isOutdated = true;
    return this.fills;
  }

  /** Forgets what has run out. */
  sweep(now: Instant): void {
    for (const entry of this.entries.values()) {
      if (this.isGood(entry, now)) return;
      this.drop(entry);
    }
  }

  clear(): void {
    this.entries.clear();
    this.sessionsOf.clear();
    for (const fills of this.fillsOf.values()) for (const fill of fills) fill.isOutdated = true;
  }

  private isGood({ sentAt }: Pick<Entry, 'sentAt'>, now: Instant): boolean {
    return elapsedMs(sentAt, now) < USED_SHARE * this.settings.leaseMs;
  }

  private keep(entry: Entry): void {
    const { userRef, sessionId } = entry.proof;
    const earlier = this.entries.get(sessionId);
    if (earlier) this.drop(earlier);
    this.entries.set(sessionId, entry);
    this.sessionsOf.set(userRef, (this.sessionsOf.get(userRef) ?? new Set()).add(sessionId));
    for (const oldest of this.entries.values()) {
      if (this.entries.size <= this.settings.maxEntries) break;
      this.drop(oldest);
    }
  }

  private drop({ proof: { userRef, sessionId } }: Entry): void {
    this.entries.delete(sessionId);
    const sessions = this.sessionsOf.get(userRef);
    sessions?.delete(sessionId);
    if (sessions?.size === 0) this.sessionsOf.delete(userRef);
  }
}

import type { TokenLookup } from '../../model/decision.js';
import type { IpVerdict } from '../../model/ip-list.js';
import type { QuotaResult } from '../../model/quota.js';
import { admitsIp } from '../../rules/ip-ranges.js';
import type {
  LoadFirst,
  RequestDemand,
  SessionRepository,
  TokenProof,
} from '../contract/session-repository.js';
import { instant } from './instant.js';
import type { KnownLookup, NearCache } from './near-cache.js';
import { QuotaBatches, quotasByBatch } from './quota-batches.js';

/** How often a check is asked again when something is done to its user meanwhile; then its answer is not kept. */
const FILLS = 3;
const NO_QUOTAS: readonly QuotaResult[] = [];
const UNKNOWN_ORIGIN: IpVerdict = { clientIp: undefined, refusedRoles: [] };

/** Checks that are answered from this process's memory where they may be, and by storage where not. */
export class NearChecks {
  private readonly batches: QuotaBatches;
  /** Checks on their way that others of the same token may wait for. */
  private readonly filling = new Map<
    string,
    { readonly proof: TokenProof; readonly done: Promise<unknown> }
  >();

  /** @param near `mayKeep`: whether this process may ask for leases now */
  constructor(
    private readonly inner: Pick<SessionRepository, 'authenticate'>,
    private readonly cache: NearCache,
    private readonly near: { readonly mayKeep: () => boolean; readonly maxEntries: number },
  ) {
    this.batches = new QuotaBatches(near.maxEntries);
  }

  authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    if (!this.mayAnswer(demand)) return this.inner.authenticate(proof, demand);
    const found = this.find(proof, demand);
    return found ? Promise.resolve(found) : this.fill(proof, demand);
  }

  clear(): void {
    this.cache.clear();
    this.batches.clear();
  }

  /** Data is asked of storage, and what is counted, unless it is by batches: a copy would miss what comes meanwhile. */
  private mayAnswer({ quotas, withData, isFresh }: RequestDemand): boolean {
    return withData !== true && isFresh !== true && quotas.every(({ batch }) => batch !== undefined);
  }

  /** The answer of memory; `undefined` where it is not permitted, or worth a write: storage answers that. */
  private find(
    proof: TokenProof,
    { touchIfRoles, quotas, ip = UNKNOWN_ORIGIN }: RequestDemand,
  ): TokenLookup | undefined {
    const at = instant();
    const entry = this.cache.find(proof, at);
    if (!entry || !admitsIp(ip, entry.lookup.user)) return undefined;
    const now = entry.lookup.now + Math.ceil(this.cache.ageOf(entry, at));
    if (now >= entry.endsAt || (now >= entry.touchDueAt && isActivity(touchIfRoles))) return undefined;
    if (quotas.length === 0) return copyOf(entry.lookup, now);
    const results = this.batches.take(proof, quotas);
    return results && copyOf(entry.lookup, now, results);
  }

  private async fill(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    const other = this.filling.get(proof.sessionId);
    if (other?.proof.tokenHash.equals(proof.tokenHash)) {
      await other.done;
      const found = this.find(proof, demand);
      if (found) return found;
    }
    for (
      let i = 0;
      i < FILLS && this.near.mayKeep() && this.batches.isWorthAsking(proof, demand.quotas);
      i++
    ) {
      const answer = await this.fillOnce(proof, demand);
      if (answer) return answer;
    }
    return this.inner.authenticate(proof, demand);
  }

  /** @returns `undefined` for an answer that is older than what was done meanwhile, or where a batch was refused */
  private async fillOnce(
    proof: TokenProof,
    demand: RequestDemand,
  ): Promise<TokenLookup | LoadFirst | undefined> {
    const fill = this.cache.begin(proof.userRef, instant());
    const quotas = quotasByBatch(demand.quotas);
    const asked = this.inner.authenticate(proof, { ...demand, quotas, lease: fill.lease });
    const done = asked.catch(() => undefined);
    const filling = { proof, done };
    this.filling.set(proof.sessionId, filling);
    let answer: TokenLookup | LoadFirst | undefined;
    try {
      answer = await asked;
    } finally {
      if (this.filling.get(proof.sessionId) === filling) this.filling.delete(proof.sessionId);
      this.cache.end(fill, proof, answer?.kind === 'known' ? answer : undefined, instant());
    }
    if (answer.kind !== 'known') return fill.isOutdated ? undefined : answer;
    const results = answer.quotas.length > 0 && this.batches.put(proof, demand.quotas, answer.quotas);
    if (fill.isOutdated || results === undefined) return undefined;
    return copyOf(answer, answer.now, results || answer.quotas);
  }
}

/** Whether the request may count as activity: not if it demands what nobody can have. */
function isActivity(touchIfRoles: RequestDemand['touchIfRoles']): boolean {
  return touchIfRoles.every((group) => group.length > 0);
}

/** What a handler does to its user or session must not change what is kept. */
function copyOf(
  { kind, status, session, user, ipAllowed, tokenEndsAt }: KnownLookup,
  now: number,
  quotas: readonly QuotaResult[] = NO_QUOTAS,
): TokenLookup {
  return {
    kind,
    status,
    ipAllowed,
    ...(tokenEndsAt === undefined ? {} : { tokenEndsAt }),
    session: { ...session, device: { ...session.device } },
    user: {
      ...user,
      roles: [...user.roles],
      ...(user.ipAllowlist ? { ipAllowlist: [...user.ipAllowlist] } : {}),
    },
    now,
    quotas,
  };
}

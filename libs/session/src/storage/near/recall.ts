/** A lease as a user's record has it. */
interface Lease {
  readonly holder: string;
  readonly from: number;
  readonly to: number;
  readonly expiresAt: number;
}

/** What is known of a user's leases at one moment, and of the server that says so. */
export interface RecallAnswer {
  readonly now: number;
  /** When the record was made, or later; 0: there is none. */
  readonly madeAt: number;
  readonly leases: readonly Lease[];
  readonly server: { readonly id: string };
}

/** Less is no step of a clock. */
const STEP_MS = 25;
/** How far two clocks that nobody sets drift apart, as a share of the time that passes, and at most. */
const DRIFT = 0.000_2;
const MOST_DRIFT_MS = 25;
/** Where a server's clock is known less well than this, it cannot be told whether it was set. */
const MOST_UNSURE_MS = 200;
/** A step of all these together may go unseen. Scripts let a lease stand for as long after its end (lua/include/lease.lua). */
const CLOCK_MARGIN_MS = STEP_MS + MOST_DRIFT_MS + MOST_UNSURE_MS;
const MOST_SERVERS = 1_000;

/**
 * All times are by the monotonic clock of this process. Where it stands still, a wait becomes longer, and never too short.
 */
interface Asked {
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** A clock of another's, less ours: between these two. */
interface Offset {
  readonly least: number;
  readonly most: number;
}

interface KnownServer {
  /** Since when leases may be missing from what it says. */
  readonly doubtedSince: number;
  readonly offset: Offset;
  readonly answeredAt: number;
}

/**
 * The servers that answered. One that takes the place of another may have lost leases that are in force, and one whose clock
 * was set may take them for run out: both are told, for as long as a lease may last. One that is seen for the first time
 * may be either.
 */
export class LeaseServers {
  private readonly known = new Map<string, KnownServer>();

  constructor(private readonly termMs: number) {}

  /** Takes an answer down. @returns until when leases may be missing in what this server says */
  doubtedUntil({ now, server }: RecallAnswer, { askedAt, answeredAt }: Asked): number {
    const told = { least: now - answeredAt, most: now - askedAt };
    const known = this.known.get(server.id);
    const offset = known && steadyOffset(known, told, answeredAt);
    const doubtedSince = known && offset ? known.doubtedSince : answeredAt;
    if (!known && this.known.size >= MOST_SERVERS) this.known.clear();
    this.known.set(server.id, { doubtedSince, offset: offset ?? told, answeredAt });
    return doubtedSince + this.termMs;
  }
}

/** What is known of a clock by now; `undefined` where it was set meanwhile, or might have been. */
function steadyOffset(known: KnownServer, told: Offset, answeredAt: number): Offset | undefined {
  const { least, most } = known.offset;
  if (most - least > MOST_UNSURE_MS) return undefined;
  const drift = Math.min(MOST_DRIFT_MS, DRIFT * (answeredAt - known.answeredAt));
  const both = { least: Math.max(told.least, least - drift), most: Math.min(told.most, most + drift) };
  if (both.least > both.most + STEP_MS) return undefined;
  return both.least > both.most ? told : both;
}

/**
 * The wait of somebody who has acted on a user, until no near cache may answer from before. A lease that was in force when
 * the act was written ends at most a term after it, whatever else goes wrong; the wait ends sooner where each was given back
 * or has run out.
 */
export class Recall {
  /** Those that are waited for: what of each must be given back, and when it has run out at the latest. */
  private awaited: ReadonlyMap<string, { readonly to: number; readonly endsAt: number }> | undefined;
  /** Until when leases may be in force that nobody tells of. */
  private doubtedUntil = -Infinity;

  /**
   * @param settings `own`: the near cache of whoever acted, which has dropped what it had
   * @param actedAt not before the act was written
   */
  constructor(
    private readonly settings: { readonly termMs: number; readonly own: string },
    private readonly servers: LeaseServers,
    private readonly actedAt: number,
  ) {}

  /** Whether somebody may shorten the wait, so that it is worth asking again. */
  get isAwaiting(): boolean {
    return this.awaited === undefined || this.awaited.size > 0;
  }

  /**
   * Takes an answer down; absent: there was none.
   * @returns for how much longer to wait, in milliseconds, unless a later answer says less; 0: it is over
   */
  observe(answer: RecallAnswer | undefined, asked: Asked): number {
    const { termMs } = this.settings;
    const { answeredAt } = asked;
    const endsAt = this.actedAt + termMs;
    if (!answer) return Math.max(0, endsAt - answeredAt);
    // A record that was lost is made again without its leases. Its version begins with the time.
    const youngMs = answer.madeAt === 0 ? 0 : answer.madeAt - answer.now + CLOCK_MARGIN_MS;
    const youngUntil = answeredAt + termMs + youngMs;
    this.doubtedUntil = Math.max(this.doubtedUntil, youngUntil, this.servers.doubtedUntil(answer, asked));
    this.awaited = this.awaited ? this.stillAwaited(answer, answeredAt) : this.toAwait(answer, answeredAt);
    const latest = Math.max(this.doubtedUntil, ...[...this.awaited.values()].map((one) => one.endsAt));
    return Math.max(0, Math.min(endsAt, latest) - answeredAt);
  }

  private toAwait({ leases, now }: RecallAnswer, answeredAt: number): NonNullable<Recall['awaited']> {
    const others = leases.filter(({ holder }) => holder !== this.settings.own);
    return new Map(
      others.map(({ holder, to, expiresAt }) => [
        holder,
        { to, endsAt: answeredAt + expiresAt - now + CLOCK_MARGIN_MS },
      ]),
    );
  }

  private stillAwaited({ leases }: RecallAnswer, answeredAt: number): NonNullable<Recall['awaited']> {
    const firstKept = new Map(leases.map(({ holder, from }) => [holder, from]));
    return new Map(
      [...(this.awaited ?? [])].filter(
        ([holder, { to, endsAt }]) => (firstKept.get(holder) ?? Infinity) <= to && answeredAt < endsAt,
      ),
    );
  }
}

// Over 250 lines: the question to the replicas, who has to answer it, and the connections by which it is asked.
import type { Redis } from 'ioredis';
import { withDeadline } from '../../basics/deadline.js';
import type { Script } from '../lua/script.js';
import { parseInfo, type RedisClient, serversOf, whenReady } from '../servers/boot-check.js';
import { waitingClientOf } from '../servers/client-options.js';

export interface ReplicaWaitSettings {
  /** How many replicas each primary is set up with. */
  readonly replicas: number | undefined;
  readonly timeoutMs: number;
}

/** Every replica that a primary is set up with, or those that it has had of late. */
type Wanted = 'configured' | 'connected';

/** A script that writes a record again if the record holds an act; answers 1 if so. */
export interface Reaffirmation {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/**
 * `absent`: the server does not hold the act; `lagging`: the replicas are all there, and one has not answered in time;
 * `elsewhere`: ask another server; `broken`: ask again by a new connection; `late`: by this one, which is not ready yet.
 */
type Outcome = 'reached' | 'unmet' | 'absent' | 'lagging' | 'elsewhere' | 'broken' | 'late';

interface Waiting {
  readonly asked: Reaffirmation;
  readonly wanted: Wanted;
  readonly settle: (outcome: Outcome) => void;
}

/** Before another connection is tried: a server that is away refuses at once, and that to every node. */
const BROKEN_PAUSE_MS = 10;
const ELSEWHERE = /^MOVED /;
/** Of one that was a primary, or has lost its connection. */
const BROKEN = /^(READONLY|UNBLOCKED|MASTERDOWN|LOADING|Connection is closed)/;

/**
 * Finds out whether an act has reached every replica, by `WAIT`: behind a write on the same connection, so that the server
 * that answers is one that holds the act. `WAIT` holds up what comes behind it, so no other call uses the connection.
 */
export class ReplicaWait {
  private readonly byServer = new Map<Redis, ServerWait>();
  private readonly followers = new Followers();
  private isClosed = false;

  constructor(
    private readonly client: RedisClient,
    private readonly settings: ReplicaWaitSettings,
  ) {}

  /** Whether every configured replica has the act; `false` also where that cannot be known in time. Never rejects. */
  async reached(asked: Reaffirmation): Promise<boolean> {
    return (await this.settle(asked, 'configured')) === 'reached';
  }

  /**
   * Whether no planned failover can undo the act: the replicas that are connected have it. `false` where the primary has
   * just lost one, which may have been promoted in its place, or does not hold the act any more. Never rejects.
   */
  async isFollowed(asked: Reaffirmation): Promise<boolean> {
    const outcome = await this.settle(asked, 'connected');
    return outcome === 'reached' || outcome === 'lagging';
  }

  /** Connects ahead of the first act. */
  warmUp(): void {
    for (const server of serversOf(this.client)) this.waitOn(server).warmUp();
  }

  /** Takes note of the replicas that a primary has. */
  note(info: ReadonlyMap<string, string>): void {
    this.followers.note(info);
  }

  /** For good: an act that still waits opens no other connection. */
  close(): void {
    this.isClosed = true;
    for (const wait of this.byServer.values()) wait.close();
    this.byServer.clear();
  }

  private async settle(asked: Reaffirmation, wanted: Wanted): Promise<Outcome> {
    const until = performance.now() + this.settings.timeoutMs;
    while (!this.isClosed) {
      const outcome = await this.ask(asked, wanted);
      if ((outcome !== 'broken' && outcome !== 'late') || performance.now() >= until) return outcome;
      await new Promise((resume) => setTimeout(resume, BROKEN_PAUSE_MS));
    }
    return 'broken';
  }

  private async ask(asked: Reaffirmation, wanted: Wanted): Promise<Outcome> {
    let outcome: Outcome = 'broken';
    const servers = serversOf(this.client);
    this.forgetOthersThan(servers);
    for (const server of servers) {
      if (this.isClosed) break;
      outcome = await this.waitOn(server).ask(asked, wanted);
      if (outcome !== 'elsewhere') break;
    }
    return outcome;
  }

  /** A failover, or nodes that come and go, leave connections to servers that nobody asks any more. */
  private forgetOthersThan(servers: readonly Redis[]): void {
    for (const [server, wait] of this.byServer) {
      if (servers.includes(server) && !wait.isClosed) continue;
      wait.close();
      this.byServer.delete(server);
    }
  }

  private waitOn(server: Redis): ServerWait {
    const known = this.byServer.get(server);
    if (known && !known.isClosed) return known;
    const wait = new ServerWait(waitingClientOf(server), this.settings, this.followers);
    this.byServer.set(server, wait);
    return wait;
  }
}

/** For so long a primary that has lost a replica is in doubt: the Sentinels announce within 2 s that it was promoted. */
const DOUBT_MS = 3_000;
/** The longest that an act waits for connected replicas: one that lags is not waited for. */
const FOLLOW_MS = 100;
const MOST_PRIMARIES = 8;

/** How many replicas each primary has, and has had of late. */
class Followers {
  private readonly byPrimary = new Map<string, { most: number; now: number; lostAt: number | undefined }>();

  mostOf(primary: string): number | undefined {
    return this.byPrimary.get(primary)?.most;
  }

  /** @returns the primary, and whether it is in doubt, because it has fewer replicas than it had */
  note(info: ReadonlyMap<string, string>): { readonly primary: string; readonly isInDoubt: boolean } {
    const primary = info.get('master_replid') ?? '';
    const now = onlineReplicas(info);
    const known = this.byPrimary.get(primary);
    const at = performance.now();
    this.byPrimary.delete(primary);
    if (!known || now >= known.most) {
      this.byPrimary.set(primary, { most: now, now, lostAt: undefined });
    } else {
      const lostAt = now < known.now ? at : (known.lostAt ?? at);
      const isOver = at - lostAt > DOUBT_MS;
      this.byPrimary.set(primary, isOver ? { most: now, now, lostAt: undefined } : { ...known, now, lostAt });
    }
    const [oldest] = this.byPrimary.keys();
    if (this.byPrimary.size > MOST_PRIMARIES && oldest !== undefined) this.byPrimary.delete(oldest);
    return { primary, isInDoubt: this.byPrimary.get(primary)?.lostAt !== undefined };
  }
}

function onlineReplicas(info: ReadonlyMap<string, string>): number {
  let online = 0;
  for (const [name, value] of info) if (/^slave\d+$/.test(name) && value.includes('state=online')) online++;
  return online;
}

/** What is asked while a `WAIT` is under way goes out together behind it, and shares the next one. */
class ServerWait {
  isClosed = false;
  private waiting: Waiting[] = [];
  private isUnderWay = false;
  /** The one that the connection leads to. */
  private primary: string | undefined;

  constructor(
    private readonly client: Redis,
    private readonly settings: ReplicaWaitSettings,
    private readonly followers: Followers,
  ) {
    client.on('error', ignore).on('close', () => this.close());
  }

  ask(asked: Reaffirmation, wanted: Wanted): Promise<Outcome> {
    return new Promise((settle) => {
      this.waiting.push({ asked, wanted, settle });
      if (!this.isUnderWay) void this.run();
    });
  }

  warmUp(): void {
    if (this.client.status === 'wait') this.client.connect().catch(ignore);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.client.disconnect();
  }

  private async run(): Promise<void> {
    this.isUnderWay = true;
    for (let batch = this.waiting; batch.length > 0; batch = this.waiting) {
      this.waiting = [];
      const outcomes = await this.askTogether(batch);
      if (outcomes.includes('broken')) this.close();
      batch.forEach(({ settle }, i) => settle(outcomes[i] ?? 'broken'));
    }
    this.isUnderWay = false;
  }

  private async askTogether(batch: readonly Waiting[]): Promise<Outcome[]> {
    const isCounted = batch.some(({ wanted }) => wanted === 'configured');
    const timeoutMs = isCounted ? this.settings.timeoutMs : Math.min(FOLLOW_MS, this.settings.timeoutMs);
    const all = (outcome: Outcome): Outcome[] => batch.map(() => outcome);
    if (this.isClosed) return all('broken');
    // Sentinels may be slow to answer: a connection that is under way is left to come about.
    if (await whenReady(this.client, this.settings.timeoutMs)) return all(this.isClosed ? 'broken' : 'late');
    try {
      const isFollowed = batch.some(({ wanted }) => wanted === 'connected');
      if (isFollowed && this.primary === undefined) await this.look();
      const needed = batch.map(({ wanted }) => this.neededBy(wanted));
      const written = batch.map(({ asked: { script, keys, args } }) =>
        this.client
          .eval(script.lua, keys.length, ...keys, ...args)
          .then((reply): Outcome => (reply === 1 ? 'reached' : 'absent'), outcomeOf),
      );
      const waited = this.client.wait(Math.max(...needed), timeoutMs).catch(outcomeOf);
      const looked = isFollowed ? this.look() : undefined;
      // As long again: the server's own time begins when the call arrives.
      const asked = Promise.all([waited, looked, ...written]);
      const [met, isInDoubt, ...outcomes] = await withDeadline(asked, 2 * timeoutMs);
      return outcomes.map((outcome, i) => {
        if (outcome !== 'reached') return outcome;
        if (typeof met === 'number' && met >= (needed[i] ?? Infinity)) return 'reached';
        if (met === 'broken' || batch[i]?.wanted === 'configured') return met === 'broken' ? met : 'unmet';
        return isInDoubt ? 'unmet' : 'lagging';
      });
    } catch {
      this.close();
      return all('unmet');
    }
  }

  private neededBy(wanted: Wanted): number {
    if (wanted === 'configured') return this.settings.replicas ?? Infinity;
    return this.followers.mostOf(this.primary ?? '') ?? 0;
  }

  private async look(): Promise<boolean> {
    const { primary, isInDoubt } = this.followers.note(parseInfo(await this.client.info('replication')));
    this.primary = primary;
    return isInDoubt;
  }
}

function outcomeOf(error: unknown): Outcome {
  const message = error instanceof Error ? error.message : '';
  if (ELSEWHERE.test(message)) return 'elsewhere';
  return BROKEN.test(message) ? 'broken' : 'unmet';
}
function ignore(): void {}

import type { Redis } from 'ioredis';
import { withDeadline } from '../../basics/deadline.js';
import type { Script } from '../lua/script.js';
import { type RedisClient, serversOf, whenReady } from './boot-check.js';
import { waitingClientOf } from './client-options.js';

export interface ReplicaWaitSettings {
  /** How many replicas each primary is set up with: every one of them has to have the write. */
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** A script that writes a record again if the record holds an act; answers 1 if so. */
export interface Reaffirmation {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** `absent`: the server does not hold the act; `elsewhere`: ask another server; `broken`: ask again by a new connection. */
type Outcome = 'reached' | 'unmet' | 'absent' | 'elsewhere' | 'broken';

interface Waiting {
  readonly asked: Reaffirmation;
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
  private isClosed = false;

  constructor(
    private readonly client: RedisClient,
    private readonly settings: ReplicaWaitSettings,
  ) {}

  /** Whether every replica has the act; `false` also where that cannot be known in time. Never rejects. */
  async reached(asked: Reaffirmation): Promise<boolean> {
    const until = performance.now() + this.settings.timeoutMs;
    while (!this.isClosed) {
      const outcome = await this.ask(asked);
      if (outcome !== 'broken' || performance.now() >= until) return outcome === 'reached';
      await new Promise((resume) => setTimeout(resume, BROKEN_PAUSE_MS));
    }
    return false;
  }

  /** For good: an act that still waits opens no other connection. */
  close(): void {
    this.isClosed = true;
    for (const wait of this.byServer.values()) wait.close();
    this.byServer.clear();
  }

  private async ask(asked: Reaffirmation): Promise<Outcome> {
    let outcome: Outcome = 'broken';
    const servers = serversOf(this.client);
    this.forgetOthersThan(servers);
    for (const server of servers) {
      if (this.isClosed) break;
      outcome = await this.waitOn(server).ask(asked);
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
    const wait = new ServerWait(waitingClientOf(server), this.settings);
    this.byServer.set(server, wait);
    return wait;
  }
}

/** What is asked while a `WAIT` is under way goes out together behind it, and shares the next one. */
class ServerWait {
  isClosed = false;
  private waiting: Waiting[] = [];
  private isUnderWay = false;

  constructor(
    private readonly client: Redis,
    private readonly settings: ReplicaWaitSettings,
  ) {
    client.on('error', ignore).on('close', () => this.close());
  }

  ask(asked: Reaffirmation): Promise<Outcome> {
    return new Promise((settle) => {
      this.waiting.push({ asked, settle });
      if (!this.isUnderWay) void this.run();
    });
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
      const outcomes = await this.askTogether(batch.map(({ asked }) => asked));
      if (outcomes.includes('broken')) this.close();
      batch.forEach(({ settle }, i) => settle(outcomes[i] ?? 'broken'));
    }
    this.isUnderWay = false;
  }

  private async askTogether(asked: readonly Reaffirmation[]): Promise<Outcome[]> {
    const { replicas, timeoutMs } = this.settings;
    const all = (outcome: Outcome): Outcome[] => asked.map(() => outcome);
    if (this.isClosed || (await whenReady(this.client, timeoutMs))) return all('broken');
    const written = asked.map(({ script, keys, args }) =>
      this.client
        .eval(script.lua, keys.length, ...keys, ...args)
        .then((reply): Outcome => (reply === 1 ? 'reached' : 'absent'), outcomeOf),
    );
    const met = this.client
      .wait(replicas, timeoutMs)
      .then((count): Outcome => (count >= replicas ? 'reached' : 'unmet'), outcomeOf);
    try {
      // As long again: the server's own time begins when the call arrives.
      const [reached, ...outcomes] = await withDeadline(Promise.all([met, ...written]), 2 * timeoutMs);
      return outcomes.map((outcome) => (outcome === 'reached' ? reached : outcome));
    } catch {
      this.close();
      return all('unmet');
    }
  }
}

function outcomeOf(error: unknown): Outcome {
  const message = error instanceof Error ? error.message : '';
  if (ELSEWHERE.test(message)) return 'elsewhere';
  return BROKEN.test(message) ? 'broken' : 'unmet';
}

function ignore(): void {}

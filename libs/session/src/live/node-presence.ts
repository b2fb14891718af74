import type { SessionEvent } from '../model/session-event.js';
import type { ChannelListener } from '../storage/contract/event-channel.js';
import { NODE_AWAITED_MS, type ActRef } from '../storage/contract/node-registry.js';
import type { SessionRepository } from '../storage/contract/session-repository.js';
import type { LiveConnection } from './live-connection.js';

const TICK_MS = 500;
/** How often the event loop shows that it goes on, and after what gap acts may have passed it by: less than they wait. */
const BEAT_MS = 50;
const STALL_MS = 150;
/** Less than others wait for this node, so that clocks may go a little differently. */
const AWAITED_MS = 0.95 * NODE_AWAITED_MS;
const RECHECK_MS = 30_000;
const RECHECK_UNHEARD_MS = 5_000;
/** For how long a connection may stay that cannot be checked. */
const FAILING_MS = 15_000;

/** How many connections a check ended, and of how many it could not tell. */
export interface RecheckResult {
  readonly ended: number;
  readonly unknown: number;
}

/** The node whose presence is kept: its connections, and what becomes of them. */
export interface ServedNode {
  all(): readonly LiveConnection[];
  /** Does to the connections what an event demands. */
  carryOut(event: SessionEvent): Promise<void>;
  /** Asks storage about each connection whether it may stay. */
  recheck(connections: readonly LiveConnection[]): Promise<RecheckResult>;
}

/**
 * Keeps a node that holds live connections known to the others and listening to them, and looks at each connection
 * again now and then. While it holds none, it costs nothing.
 */
export class NodePresence {
  private joining: Promise<void> | undefined;
  private leaving: Promise<void> = Promise.resolve();
  private ticker: NodeJS.Timeout | undefined;
  /** The answer to the last sign of life got lost, and with it perhaps the news that an act was missed. */
  private isUntold = false;
  private lastRegisteredAt = -Infinity;
  /** Tells stays apart: what belongs to an earlier one counts no more. */
  private visit = 0;
  private heart: NodeJS.Timeout | undefined;
  private lastBeatAt = -Infinity;
  private stoodStillAt = -Infinity;
  private isClosed = false;
  private readonly listener: ChannelListener;
  private recheck: Promise<unknown> | undefined;

  constructor(
    private readonly nodeId: string,
    private readonly repository: SessionRepository,
    private readonly node: ServedNode,
  ) {
    this.listener = {
      onEvent: (event) => void node.carryOut(event),
      onBack: () => this.recheckEverything(),
    };
  }

  /** Resolves when what is done from now on will be heard, or after a bounded time when that cannot be. */
  join(): Promise<void> {
    this.joining ??= this.enter((this.visit += 1));
    return this.joining;
  }

  async leave(): Promise<void> {
    this.stopTimers();
    if (!this.joining) return;
    this.joining = undefined;
    this.visit += 1;
    this.lastRegisteredAt = -Infinity;
    this.repository.events.unlisten(this.listener);
    this.leaving = this.repository.nodes.remove(this.nodeId).catch(ignore);
    await this.leaving;
  }

  /** Leaves for good, whoever is about to join. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.leave();
  }

  /** Whether acts surely wait for this node, or for as long as any answer counts that it asked for before them. */
  get isAwaited(): boolean {
    return performance.now() - this.lastRegisteredAt < AWAITED_MS;
  }

  /**
   * Whether no act has passed this node by: acts wait for it, and it has not stood still since it last heard that they
   * did. A process that was stopped finds out here, before it sends anything.
   */
  get isVouchedFor(): boolean {
    this.beat();
    return this.isAwaited && this.lastRegisteredAt >= this.stoodStillAt;
  }

  /** Tells whoever waits for it that an act has been carried out here. */
  async confirm(act: ActRef, connectionsClosed: number): Promise<void> {
    if (this.joining) await this.repository.nodes.confirm(this.nodeId, act, connectionsClosed).catch(ignore);
  }

  private async enter(visit: number): Promise<void> {
    await this.leaving;
    if (this.isClosed || visit !== this.visit) return;
    this.stopTimers();
    this.ticker = setInterval(() => this.tick(), TICK_MS).unref();
    this.lastBeatAt = performance.now();
    this.heart = setInterval(() => this.beat(), BEAT_MS).unref();
    await Promise.all([this.repository.events.listen(this.listener), this.register()]);
  }

  private stopTimers(): void {
    clearInterval(this.ticker);
    clearInterval(this.heart);
  }

  /** Says that this node is there, and catches up when acts have passed it by: its events were lost, or it stood still. */
  private async register(): Promise<void> {
    const sentAt = performance.now();
    const { visit } = this;
    try {
      const mayHaveMissed = await this.repository.nodes.register(this.nodeId);
      if (visit !== this.visit) return; // it has left meanwhile
      if (mayHaveMissed || this.isUntold) this.recheckEverything();
      this.isUntold = false;
      this.lastRegisteredAt = Math.max(this.lastRegisteredAt, sentAt);
      for (const connection of this.node.all()) connection.settle();
    } catch {
      this.isUntold = true;
    }
  }

  /** Where the last one is long past, this process stood still: what it was not told of in time, it must ask for. */
  private beat(): void {
    const now = performance.now();
    const stoodStill = now - this.lastBeatAt > STALL_MS;
    this.lastBeatAt = now;
    if (!stoodStill || !this.joining) return;
    this.stoodStillAt = now;
    void this.register();
  }

  private tick(): void {
    const connections = this.node.all();
    if (connections.length === 0) {
      void this.leave();
      return;
    }
    void this.register();
    this.recheckOld(connections, performance.now());
  }

  /** Events were missed: whatever was answered before does not count. */
  private recheckEverything(): void {
    const connections = this.node.all();
    for (const { verification } of connections) verification.outdateAnswers();
    void this.node.recheck(connections);
  }

  private recheckOld(connections: readonly LiveConnection[], now: number): void {
    const termMs = this.repository.events.isHearing ? RECHECK_MS : RECHECK_UNHEARD_MS;
    for (const connection of connections) {
      const { failingSince = now } = connection.verification;
      if (now - failingSince >= FAILING_MS) connection.end('session_store_unavailable');
    }
    const due = connections.filter(
      ({ verification: { verifiedAt, failingSince } }) =>
        failingSince !== undefined || now - verifiedAt >= termMs,
    );
    this.recheck ??= this.node.recheck(due).finally(() => (this.recheck = undefined));
  }
}

function ignore(): void {}

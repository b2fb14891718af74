import type { Redis } from 'ioredis';
import { withDeadline } from '../../basics/deadline.js';
import type { RedisClient, SeenServer } from './boot-check.js';

/** A server whose data may be older than those that this process has seen. */
export interface NewServer {
  /** The client of this one server. Calls by it pass the gate. */
  readonly server: Redis;
  /** Of its process, and of its time as a primary. */
  readonly identity: string;
  /** How long its process had been running when it was looked at, in seconds. */
  readonly uptimeS: number;
  /** The first that this process has seen. */
  readonly isFirst: boolean;
}

/** Prepares for a new server. Until its promise resolves, calls wait; where it rejects, it is called again. */
export type NewServerHandler = (found: NewServer) => Promise<void> | void;

const HANDLER_TIMEOUT_MS = 5_000;
const AGAIN_AFTER_MS = 50;

/**
 * Notices that the server behind a client is not the one of before: another process (a restart), or one that has become a
 * primary since (a failover). Its data may be older than what this process knows.
 *
 * A client of one server passes no call between its connection and the end of all handlers. In a Cluster, a new primary may
 * have answered calls before it is noticed; then all calls wait.
 */
export class ServerWatch {
  private readonly handlers = new Set<NewServerHandler>();
  private servers: readonly NewServer[] = [];
  /** By the server's identity: what has prepared for it. */
  private readonly prepared = new Map<string, Set<NewServerHandler>>();
  /** One round of preparing ends another: a connection that breaks, or other servers. */
  private round = 0;
  private isPreparing = false;
  private open = false;
  private waiting: (() => void)[] = [];

  /** @param onOpen calls may go out again */
  constructor(
    private readonly client: RedisClient,
    private readonly onOpen: () => void,
  ) {
    if (!('nodes' in client)) client.on('close', this.onClose);
  }

  /** Whether calls may be written: the server is known, and all is prepared for it. */
  get isOpen(): boolean {
    return this.open;
  }

  /** Resolves when calls may be written. */
  opened(): Promise<void> {
    return this.open ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Calls a handler for each new server: for those that are there, now. @returns takes the handler away */
  onNewServer(handler: NewServerHandler): () => void {
    this.handlers.add(handler);
    if (this.servers.length > 0) void this.prepare();
    return () => void this.handlers.delete(handler);
  }

  /** Takes all servers of the client as they are at this moment. */
  saw(seen: readonly SeenServer[]): void {
    const isFirst = this.prepared.size === 0;
    this.servers = seen.map(({ server, info }) => {
      const uptimeS = Number(info.get('uptime_in_seconds') ?? 0);
      return { server, identity: identityOf(info), uptimeS, isFirst };
    });
    const identities = new Set(this.servers.map(({ identity }) => identity));
    // One that comes back counts as new: it may have missed what the one in between did.
    for (const identity of this.prepared.keys())
      if (!identities.has(identity)) this.prepared.delete(identity);
    let isNew = false;
    for (const identity of identities) {
      if (this.prepared.has(identity)) continue;
      this.prepared.set(identity, new Set());
      isNew = true;
    }
    if (isNew || !(this.open || this.isPreparing)) void this.prepare();
  }

  close(): void {
    this.onClose();
    this.client.off('close', this.onClose);
  }

  private async prepare(): Promise<void> {
    const round = ++this.round;
    [this.open, this.isPreparing] = [false, true];
    for (let left = this.unprepared(); left.length > 0; left = this.unprepared()) {
      const areDone = await Promise.all(left.map(({ handler, server }) => isPrepared(handler, server)));
      if (round !== this.round) return;
      left.forEach(({ handler, server }, i) => {
        if (areDone[i]) this.prepared.get(server.identity)?.add(handler);
      });
      if (areDone.includes(false)) await new Promise((resume) => setTimeout(resume, AGAIN_AFTER_MS));
      if (round !== this.round) return;
    }
    [this.open, this.isPreparing] = [true, false];
    this.onOpen();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private unprepared(): { readonly server: NewServer; readonly handler: NewServerHandler }[] {
    return this.servers.flatMap((server) =>
      [...this.handlers]
        .filter((handler) => !this.prepared.get(server.identity)?.has(handler))
        .map((handler) => ({ server, handler })),
    );
  }

  private readonly onClose = (): void => {
    this.round++;
    [this.open, this.isPreparing] = [false, false];
    for (const resolve of this.waiting.splice(0)) resolve();
  };
}

async function isPrepared(handler: NewServerHandler, server: NewServer): Promise<boolean> {
  try {
    await withDeadline(Promise.resolve(handler(server)), HANDLER_TIMEOUT_MS);
    return true;
  } catch {
    return false;
  }
}

function identityOf(info: ReadonlyMap<string, string>): string {
  return `${info.get('run_id') ?? ''}:${info.get('master_replid') ?? ''}`;
}

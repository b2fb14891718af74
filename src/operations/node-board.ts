import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { LiveConnections } from '@latchkey/session/live';
import { REDIS_STORE } from '../redis/redis.module.js';
import type { RedisStore } from '../redis/redis-store.js';
import { isInstant, UntrustedJson } from '../untrusted/untrusted-json.js';

/** A node as it described itself last. */
export interface NodeLine {
  readonly id: string;
  /** The machine and the process on it. */
  readonly name: string;
  readonly startedAt: number;
  /** Open streams and sockets. */
  readonly connections: number;
  readonly seenAt: number;
}

/** `HSET app:nodes ID {…}`: each node's own line. */
const KEY = 'app:nodes';
const BEAT_MS = 2_000;
/** A node that says nothing for this long is gone, and its line is deleted by the next reader. */
const TERM_MS = 10_000;

const LINES = new UntrustedJson<NodeLine>('A node', ({ id, name, startedAt, connections, seenAt }) => {
  const isLine =
    typeof id === 'string' &&
    typeof name === 'string' &&
    isInstant(startedAt) &&
    isInstant(seenAt) &&
    Number.isSafeInteger(connections);
  return isLine ? ({ id, name, startedAt, connections, seenAt } as NodeLine) : undefined;
});

/** Which nodes serve, and how many connections each of them holds. Over Redis each node writes a line of its own. */
@Injectable()
export class NodeBoard implements OnApplicationBootstrap, OnModuleDestroy {
  /** This node's. */
  readonly id = randomUUID();
  private readonly startedAt = Date.now();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: LiveConnections,
    private readonly host: HttpAdapterHost,
    @Inject(REDIS_STORE) private readonly store: RedisStore | undefined,
  ) {}

  onApplicationBootstrap(): void {
    // A command such as `npm run make-admin` serves nobody.
    if (!this.store || !this.host.httpAdapter) return;
    void this.beat();
    this.timer = setInterval(() => void this.beat(), BEAT_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    if (!this.timer) return;
    clearInterval(this.timer);
    await this.store?.call((client) => client.hdel(KEY, this.id)).catch(ignore);
  }

  /** This node first, as it is now; the others by their names. */
  async list(): Promise<NodeLine[]> {
    const own = this.ownLine();
    if (!this.store) return [own];
    const lines = Object.entries(await this.store.call((client) => client.hgetall(KEY)));
    const read = lines.map(([id, line]) => [id, LINES.read(line, KEY)] as const);
    const isThere = (line: NodeLine | undefined): line is NodeLine =>
      line !== undefined && Date.now() - line.seenAt < TERM_MS;
    const gone = read.filter(([, line]) => !isThere(line)).map(([id]) => id);
    if (gone.length > 0) await this.store.call((client) => client.hdel(KEY, ...gone));
    const others = read.map(([, line]) => line).filter(isThere);
    return [
      own,
      ...others.filter(({ id }) => id !== this.id).sort((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1)),
    ];
  }

  private ownLine(): NodeLine {
    const name = `${hostname()}:${process.pid}`;
    return {
      id: this.id,
      name,
      startedAt: this.startedAt,
      connections: this.connections.size,
      seenAt: Date.now(),
    };
  }

  /** One that fails is made up for by the next. */
  private async beat(): Promise<void> {
    const line = JSON.stringify(this.ownLine());
    await this.store?.call((client) => client.hset(KEY, this.id, line)).catch(ignore);
  }
}

function ignore(): void {}

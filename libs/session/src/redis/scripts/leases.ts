import { type LeaseRecord, readLeases } from '../records/lease-record.js';
import { SCRIPTS } from '../lua/script.js';
import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';

/** What is known of a user's leases at one moment. */
export interface RecallReply {
  /** By Redis's clock. */
  readonly now: number;
  /** When the record was made, or later, by Redis's clock; 0: there is none. */
  readonly madeAt: number;
  readonly leases: readonly LeaseRecord[];
  readonly server: ServerInfo;
}

/** The server that answered. */
export interface ServerInfo {
  /** Another one after each restart and each promotion. */
  readonly id: string;
}

/** The scripts about the leases of near caches. A subject is a userRef, or `list:` and the name of a list. */
export class LeaseScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  async recall(subject: string): Promise<RecallReply> {
    const args = [subject, this.keys.events];
    const reply = await this.connection.run(SCRIPTS.recallLeases, [this.keys.ofLeased(subject)], args);
    const [now, madeAt, leases, server, replication] = reply as [number, number, Buffer, Buffer, Buffer];
    return {
      now,
      madeAt,
      leases: readLeases(leases),
      server: readServerInfo(String(server), String(replication)),
    };
  }

  /** Says how long this process's leases last; 0: it has none. @returns the longest that was announced before, and is now */
  async announce(leaseMs: number, forMs: number): Promise<readonly [before: number, now: number]> {
    const reply = await this.connection.run(SCRIPTS.announceNearCache, [this.keys.near], [leaseMs, forMs]);
    return reply as readonly [number, number];
  }

  async giveBack(subject: string, holder: string, fill: number): Promise<void> {
    const args = [Buffer.from(holder, 'latin1'), fill];
    await this.connection.run(SCRIPTS.giveBackLeases, [this.keys.ofLeased(subject)], args);
  }
}

function readServerInfo(server: string, replication: string): ServerInfo {
  const runId = /^run_id:(\w+)/m.exec(server)?.[1] ?? '';
  const replid = /^master_replid:(\w+)/m.exec(replication)?.[1] ?? '';
  return { id: `${runId}:${replid}` };
}

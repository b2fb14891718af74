import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';
import { type LeaseRecord, readLeases } from '../records/lease-record.js';
import { type Script, type ScriptArgument, SCRIPTS } from '../lua/script.js';

/** For how long a confirmation can be read; receipts wait for a fraction of that. */
const CONFIRMATION_TERM_MS = 10_000;

/** Which user's act, by the version that it led to. */
interface Act {
  readonly userRef: string;
  readonly version: number;
}

/** One typed function for each script about nodes. */
export class NodeScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  /** Notes a server, before any other call goes to it. */
  async meetServer(identity: string) {
    const reply = await this.connection.runAhead(SCRIPTS.meetServer, [this.keys.servers], [identity]);
    const [now, since, hadOther] = reply as [number, number, 0 | 1];
    return { now, since, hadOther: hadOther === 1 };
  }

  async register(nodeId: string, forMs: number): Promise<boolean> {
    const keys = [this.keys.nodes, this.keys.missed];
    return (await this.run(SCRIPTS.registerNode, keys, [nodeId, forMs])) === 1;
  }

  async remove(nodeId: string): Promise<void> {
    await this.run(SCRIPTS.removeNode, [this.keys.nodes], [nodeId]);
  }

  async confirm(nodeId: string, act: Act, connectionsClosed: number): Promise<void> {
    const args = [nodeId, connectionsClosed, CONFIRMATION_TERM_MS];
    await this.run(SCRIPTS.confirmAct, [this.confirmationsOf(act)], args);
  }

  async reportMissed(nodeId: string, forMs: number): Promise<void> {
    await this.run(SCRIPTS.missAct, [this.keys.missed], [nodeId, forMs]);
  }

  /** @param forMs how long a node's word must yet hold for it to be among `awaited` */
  async confirmations(act: Act, forMs: number) {
    const keys = [this.keys.nodes, this.confirmationsOf(act)];
    const reply = await this.run(SCRIPTS.readConfirmations, keys, [forMs]);
    const [nodes, awaited, pairs] = reply as [Buffer[], Buffer[], Buffer[]];
    const confirmed = new Map<string, number>();
    for (let i = 0; i < pairs.length; i += 2) confirmed.set(String(pairs[i]), countOf(pairs[i + 1]));
    return { nodes: nodes.map(String), awaited: awaited.map(String), confirmed };
  }

  private run(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.connection.run(script, keys, args);
  }

  private confirmationsOf({ userRef, version }: Act): string {
    return this.keys.confirmationsOf(userRef, version);
  }
}

/** What is no number of ours counts as none. */
function countOf(value: Buffer | undefined): number {
  const count = Number(value);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

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

  /** Says how long this process's leases last; 0: it has none. @returns the longest that is announced now */
  async announce(leaseMs: number, forMs: number): Promise<number> {
    const reply = await this.connection.run(SCRIPTS.announceNearCache, [this.keys.near], [leaseMs, forMs]);
    return reply as number;
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

// Over 250 lines: the life of one connection, from the boot check to its end, whose steps share its state.
import type { Redis } from 'ioredis';
import { withDeadline } from '../../basics/deadline.js';
import {
  messageOf,
  type SessionConfigurationError,
  type SessionError,
  unavailable,
} from '../../model/session-error.js';
import {
  inspectServers,
  persistenceAdvice,
  type RedisClient,
  setupMistake,
  whenReady,
} from '../servers/boot-check.js';
import {
  adviceOn,
  hasPrefix,
  isClient,
  listeningClientOf,
  openClient,
  type RedisPlace,
  reviveAfterFailover,
} from '../servers/client-options.js';
import { CallTelling } from './call-telling.js';
import { CallTimeouts } from './call-timeouts.js';
import { type CallArgument, type CallBody, encodeBody } from './call-body.js';
import { type Calls, ServerCalls } from './call-batcher.js';
import { ClusterCalls, CommandCalls, evaluateBy } from './command-calls.js';
import { SilenceWatch } from './connection-loss.js';
import { onceEvery } from '../../basics/pace.js';
import { ReplicaWait } from './replica-wait.js';
import { type NewServerHandler, ServerWatch } from '../servers/server-watch.js';
import { type CallOwner, isReplyError, ScriptCall } from './script-call.js';
import type { Script } from '../lua/script.js';
import { REDIS_CALLS } from '../../telemetry/channels.js';
import type { Realm } from '../../telemetry/realm.js';

/** Where Redis is, and how long it may take. */
export interface RedisConnectionOptions {
  /** A URL, ioredis options, nodes of a Cluster, or a client of the app's. */
  readonly redis: RedisPlace | RedisClient;
  /** How long a call may take before it is refused. */
  readonly commandTimeoutMs: number;
  /** Takes one line for people when Redis goes, comes back, or answers what it should not. */
  readonly log?: (line: string) => void;
  /** How often a server that can be reached is looked at for what makes it unfit. Default 10,000. */
  readonly inspectEveryMs?: number;
  /** Whose it is, in what is told of it. */
  readonly realm?: Realm;
}

const BOOT_PATIENCE_MS = 1_000;
const INSPECT_AGAIN_AFTER_MS = 1_000;
const INSPECT_EVERY_MS = 10_000;
const INSPECT_SOON_MS = 50;
/** After them, other servers may be the primaries of a Cluster. */
const CLUSTER_CHANGES = ['+node', '-node', 'refresh'] as const;
const COMPLAIN_AGAIN_AFTER_MS = 10_000;
/** Errors that Redis gives in its ordinary troubles; others are worth a line in the log. */
const ORDINARY_TROUBLE = /^(OOM|LOADING|MASTERDOWN|READONLY|MISCONF|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY)/;

/** A Redis with a deadline for every call, and one kind of error for whatever goes wrong. */
export class RedisConnection {
  /** Why this Redis must not be used although it answers. */
  private fault: SessionConfigurationError | undefined;
  private reachable = false;
  private closed = false;
  /** Runs while a connection is gone and calls still wait for the next. */
  private goneTimer: NodeJS.Timeout | undefined;
  private inspectTimer: NodeJS.Timeout | undefined;
  private soonTimer: NodeJS.Timeout | undefined;
  private inspectedAt = -Infinity;
  private readonly mayComplain = onceEvery(COMPLAIN_AGAIN_AFTER_MS);
  private readonly timeouts: CallTimeouts;
  private readonly calls: Calls;
  private readonly silence: SilenceWatch | undefined;
  private readonly stopReviving: () => void;
  private readonly watch: ServerWatch;
  private waits: ReplicaWait | undefined;

  private constructor(
    private readonly client: RedisClient,
    private readonly owned: boolean,
    private readonly commandTimeoutMs: number,
    private readonly log: (line: string) => void,
    private readonly telling: CallTelling,
  ) {
    this.silence = owned && !('nodes' in client) ? new SilenceWatch(client, commandTimeoutMs) : undefined;
    this.timeouts = new CallTimeouts(commandTimeoutMs, () => this.silence?.onMissed());
    this.stopReviving = reviveAfterFailover(client);
    this.watch = new ServerWatch(client, () => this.calls.proceed());
    const isIdle = (): boolean => this.timeouts.isIdle;
    const waiting = { patienceMs: commandTimeoutMs, gate: this.watch };
    if (hasPrefix(client)) this.calls = new CommandCalls(client, waiting);
    else if ('nodes' in client) this.calls = new ClusterCalls(client, waiting, isIdle);
    else this.calls = new ServerCalls(client, waiting, isIdle);
    if ('nodes' in client) for (const event of CLUSTER_CHANGES) client.on(event, this.onClusterChange);
  }

  /**
   * Opens a client (or takes over the use of one) and checks what is behind it. Resolves although Redis cannot be
   * reached: it is then looked for in the background, and calls are refused meanwhile.
   * @throws SessionConfigurationError for what waiting cannot mend: a wrong password, an evicting or too old Redis
   */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const { redis, commandTimeoutMs, log = () => undefined } = options;
    const owned = !isClient(redis);
    const client = owned ? openClient(redis, commandTimeoutMs) : redis;
    const connection = new RedisConnection(client, owned, commandTimeoutMs, log, new CallTelling(options));
    const advice = owned ? undefined : adviceOn(client);
    if (advice !== undefined) log(advice);
    try {
      await connection.start();
    } catch (error) {
      await connection.close();
      throw error;
    }
    connection.keepInspecting(options.inspectEveryMs ?? INSPECT_EVERY_MS);
    return connection;
  }

  /** Runs a script: by its hash, and once more in full where the server does not know it (again). */
  run(script: Script, keys: readonly string[], args: readonly CallArgument[]): Promise<unknown> {
    return this.ask(script, encodeBody(keys, args), asItIs);
  }

  /**
   * As `run`, with what the reply is made of: no promise stands between the reply and its reader.
   * @param read may throw
   */
  ask<T>(script: Script, body: CallBody, read: (reply: unknown) => T): Promise<T> {
    try {
      this.assertFit();
    } catch (error) {
      return Promise.reject(error);
    }
    const call = new ScriptCall('evalsha', { script, body }, read, this.owner);
    this.calls.add(call as ScriptCall);
    this.timeouts.watch(call);
    return call.promise;
  }

  /** As `run`, past the gate: for what prepares for a new server. */
  async runAhead(script: Script, keys: readonly string[], args: readonly CallArgument[]): Promise<unknown> {
    const request = { script, body: encodeBody(keys, args) };
    try {
      return await withDeadline(evaluateBy(this.client, { name: 'evalsha', request }), this.commandTimeoutMs);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Refuses the calls that wait for a connection: they were put together before now. */
  refuseWaiting(): void {
    this.calls.refuse('Redis is another server now');
  }

  /** Calls a handler for each server that is not the one of before, and before any call goes to it: see `ServerWatch`. */
  onNewServer(handler: NewServerHandler): () => void {
    return this.watch.onNewServer(handler);
  }

  async ping(): Promise<void> {
    this.assertFit();
    try {
      const prepared = this.client.status === 'ready' ? this.watch.opened() : Promise.resolve();
      await withDeadline(
        prepared.then(() => this.client.ping()),
        this.commandTimeoutMs,
      );
    } catch (error) {
      this.silence?.onMissed();
      throw unavailable(error);
    }
  }

  /** Whether keys may be on several servers. */
  get isCluster(): boolean {
    return 'nodes' in this.client;
  }

  /** Another client of the same server, for listening. */
  duplicate(): Redis {
    return listeningClientOf(this.client);
  }

  /**
   * Finds out whether acts have reached the replicas, by connections of its own, opened when first needed. `undefined` where
   * nobody says how many replicas there are, and no Sentinels promote them.
   */
  replicaWait(replicas: number | undefined): ReplicaWait | undefined {
    const { client, commandTimeoutMs } = this;
    if (replicas === undefined && !this.isBehindSentinels) return undefined;
    return (this.waits ??= new ReplicaWait(client, { replicas, timeoutMs: commandTimeoutMs }));
  }

  /** Whether the server may be replaced at any time, without a word from it. */
  get isBehindSentinels(): boolean {
    return !('nodes' in this.client) && Boolean(this.client.options.sentinels);
  }

  /** Closes the client if this opened it, without waiting longer than for one call. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.inspectTimer);
    clearTimeout(this.soonTimer);
    this.stopGoneTimer();
    this.client.off('ready', this.onReady).off('close', this.onClose);
    for (const event of CLUSTER_CHANGES) this.client.off(event, this.onClusterChange);
    this.stopReviving();
    this.watch.close();
    this.waits?.close();
    this.silence?.close();
    this.calls.close();
    if (!this.owned) {
      this.client.off('error', ignore);
      return;
    }
    if (this.client.status === 'ready')
      await withDeadline(this.client.quit(), this.commandTimeoutMs).catch(ignore);
    this.client.disconnect();
  }

  private async start(): Promise<void> {
    this.client.on('error', ignore); // ioredis prints what nobody listens for; calls report it themselves
    this.client.on('close', this.onClose);
    const failure = await whenReady(this.client, BOOT_PATIENCE_MS);
    this.client.on('ready', this.onReady);
    if (!failure) {
      this.reachable = true;
      await this.inspect({ isBoot: true });
    } else {
      this.fault = setupMistake(failure);
      if (!this.fault) {
        this.log(`Redis cannot be reached (${failure.message}). Requests get 503 until it can.`);
      }
    }
    this.telling.ofStorage(failure || this.fault ? 'down' : 'up');
    if (this.fault) throw this.fault;
  }

  private readonly owner: CallOwner = {
    onSettled: (call, error) => {
      this.timeouts.release();
      if (REDIS_CALLS.hasSubscribers) this.telling.ofSettled(call, error);
    },
    sendInFull: ({ request, dueAt }) => {
      const again = new ScriptCall('eval', request, asItIs, this.owner);
      this.calls.add(again);
      this.timeouts.watchUntil(dueAt, again);
      return again.promise;
    },
    sendAgain: (call) => this.calls.add(call),
    redirect: (call, error) => this.calls instanceof ClusterCalls && this.calls.redirect(call, error),
    explained: (error, script, hasRun) => this.explained(error, script, hasRun),
  };

  private readonly onReady = (): void => {
    this.stopGoneTimer();
    if (!this.reachable) this.log('Redis can be reached again.');
    this.reachable = true;
    if (!this.fault) this.telling.ofStorage('up');
    void this.inspect({ isBoot: false });
  };

  private readonly onClusterChange = (): void => this.inspectSoon();

  private inspectSoon(): void {
    if (this.closed) return;
    this.soonTimer ??= setTimeout(() => {
      this.soonTimer = undefined;
      if (this.client.status === 'ready') void this.inspect({ isBoot: false });
    }, INSPECT_SOON_MS).unref();
  }

  private readonly onClose = (): void => {
    if (!this.reachable || this.closed) return;
    this.goneTimer ??= setTimeout(() => {
      this.stopGoneTimer();
      this.reachable = false;
      this.log('Redis is gone. Requests get 503 until it is back.');
      this.telling.ofStorage('down');
    }, this.commandTimeoutMs).unref();
  };

  private stopGoneTimer(): void {
    clearTimeout(this.goneTimer);
    this.goneTimer = undefined;
  }

  /** A Redis that was found unfit is looked at again now and then: somebody may have mended it. */
  private assertFit(): void {
    if (!this.fault) return;
    if (performance.now() - this.inspectedAt >= INSPECT_AGAIN_AFTER_MS) void this.inspect({ isBoot: false });
    throw unavailable(this.fault, 'no');
  }

  /** Settings of a server may change while it runs. The nodes of an app do not all look at one moment. */
  private keepInspecting(everyMs: number): void {
    if (this.closed) return;
    this.inspectTimer = setTimeout(
      () => {
        const looked = this.reachable ? this.inspect({ isBoot: false }) : Promise.resolve();
        void looked.finally(() => this.keepInspecting(everyMs));
      },
      everyMs * (0.8 + 0.2 * Math.random()),
    ).unref();
  }

  /** At boot, what may not be looked at is a fault; what cannot be looked at for lack of time is taken to be well. */
  private async inspect({ isBoot }: { readonly isBoot: boolean }): Promise<void> {
    this.inspectedAt = performance.now();
    const earlier = this.fault;
    try {
      const found = await withDeadline(inspectServers(this.client, { isBoot }), BOOT_PATIENCE_MS);
      this.fault = found.fault;
      const advice =
        isBoot && process.env['NODE_ENV'] === 'production' ? persistenceAdvice(found.seen) : undefined;
      if (advice !== undefined) this.log(advice);
      for (const { info } of found.seen) this.waits?.note(info);
      if (this.closed) return;
      if (this.isBehindSentinels) this.waits?.warmUp();
      this.watch.saw(found.seen);
    } catch (error) {
      this.silence?.onMissed();
      if (isBoot && error instanceof Error) this.fault = setupMistake(error);
      if (!this.fault && !this.closed) this.complain(`Redis could not be inspected: ${messageOf(error)}`);
      if (!this.watch.isOpen) this.inspectSoon();
      return;
    }
    if (this.fault && this.fault.message !== earlier?.message) this.log(this.fault.message);
    if (earlier && !this.fault) this.log('Redis has the right settings again.');
    if (!earlier !== !this.fault) this.telling.ofStorage(this.fault ? 'down' : 'up');
  }

  /** Tells people, though not more often than bearable, of something in Redis that should not be there. */
  complain(line: string): void {
    if (this.mayComplain()) this.log(line);
  }

  private explained(error: unknown, script: Script, hasRun: 'no' | 'perhaps'): SessionError {
    const message = messageOf(error);
    if (isReplyError(error) && !ORDINARY_TROUBLE.test(message))
      this.complain(`Redis refused ${script.name}: ${message}`);
    return unavailable(error, hasRun);
  }
}

function ignore(): void {}

function asItIs(reply: unknown): unknown {
  return reply;
}

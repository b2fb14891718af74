// Over 250 lines: one small world, whose parts (clocks, a server, messages, nodes) a test takes its turns with.
import type { AskedLease } from '../../../libs/session/src/storage/contract/lease.js';
import type { SessionRepository } from '../../../libs/session/src/storage/contract/session-repository.js';
import type { ChannelListener } from '../../../libs/session/src/storage/contract/event-channel.js';
import type { NearCache } from '../../../libs/session/src/storage/near/near-cache.js';
import { Recall, type RecallAnswer } from '../../../libs/session/src/storage/near/recall.js';
import { NearSessionRepository } from '../../../libs/session/src/storage/near/session-repository.js';
import { userRefOf } from '../../../libs/session/src/token/session-token.js';
import { LeaseSlot } from './lease-slot.js';
import { replace } from './replace.js';

export const TERM_MS = 1_000;
/** Between what is done: enough for a few of them to be a term. */
const TICK_MS = 400;
/** By Redis's clock, when the world begins. */
const EPOCH_MS = 1_000_000;
const USER_ID = 'ada';
const USER_REF = userRefOf(USER_ID);
const PROOF = { userRef: USER_REF, sessionId: 'session', tokenHash: Buffer.alloc(32, 1) };
/** Of an act whose holders all hear and answer, but for the pauses between polls. */
const PROMPT_MS = 0;
/** Of promises that wait for each other. */
const LONGEST_CHAIN = 10;

/** How often each thing may happen; what is absent does not. */
export interface Budget {
  readonly nodes: number;
  /** Requests at node 0, and at the others, which act. */
  readonly requests: readonly number[];
  /** Acts of node 1, and so on. */
  readonly acts: readonly number[];
  readonly ticks: number;
  /** Times that an act may ask again before its wait is over. */
  readonly polls: number;
  /** A check whose reply is lost with its connection is sent again. */
  readonly resent?: number;
  /** A check is given up; it may run yet. */
  readonly givenUp?: number;
  /** What is given back may be overtaken, as by what a Cluster sends on to another server. */
  readonly isReordered?: boolean;
  /** A recall that gets no answer. */
  readonly unanswered?: number;
  readonly flushes?: number;
  readonly failovers?: number;
  /** Steps of Redis's clock, each once. */
  readonly redisSteps?: readonly number[];
  /** Steps of node 0's wall clock, each once. */
  readonly wallSteps?: readonly number[];
  readonly suspensions?: number;
  /** Node 0 forgets an entry for lack of room. */
  readonly evictions?: number;
  /** Acts are announced, besides being recalled. */
  readonly events?: boolean;
  /** The reply of a recall may take its time. */
  readonly slowRecalls?: boolean;
  /** Those who act have not seen the server before. */
  readonly isStranger?: boolean;
  /** How long it took their first question to get there, in milliseconds. */
  readonly meetingMs?: number;
}

interface Call {
  readonly node: number;
  readonly kind: 'check' | 'recall' | 'giveBack';
  readonly request?: Request | undefined;
  readonly detail: string;
  readonly run: () => unknown;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  stage: 'sent' | 'executed';
  isGivenUp: boolean;
  reply?: unknown;
}

interface Request {
  readonly node: number;
  /** The acts that had resolved when it began. */
  readonly required: number;
  calls: number;
  follows?: Call | undefined;
}

interface Act {
  readonly node: number;
  readonly state: number;
  readonly at: number;
  polls: number;
  recall?: Recall;
  /** When its wait is over, unless it hears of it sooner. */
  endsAt: number;
  sleep?: { readonly until: number; readonly resolve: () => void } | undefined;
}

interface Node {
  readonly repository: NearSessionRepository;
  readonly cache: NearCache;
  readonly holder: string;
  listener?: ChannelListener;
  monotonic: number;
  wall: number;
  isSuspended: boolean;
}

/** Where the clocks and sleeps of the code under test come from. */
export const current: { world?: World; node: number } = { node: 0 };

/** In the place of `setTimeout` of node:timers/promises. */
export function fakeSleep(ms: number): Promise<void> {
  return (current.world as World).sleep(ms);
}

/** Lets worlds know for how long acts wait. @returns ends that */
export function tellOfWaits(): () => void {
  return replace(
    Recall.prototype,
    'observe',
    (observe) =>
      function (this: Recall, ...args: unknown[]) {
        const leftMs = Reflect.apply(observe, this, args) as number;
        current.world?.observed(this, leftMs);
        return leftMs;
      },
  );
}

/** Real near caches on a model of one user's slot: everything that happens is a move that a test chooses. */
export class World {
  violation: string | undefined;
  private now = 0;
  private state = 0;
  private resolved = 0;
  private readonly redis: {
    offset: number;
    server: number;
    version: number | undefined;
    readonly slot: LeaseSlot;
  } = { offset: 0, server: 0, version: 1, slot: new LeaseSlot() };
  private readonly nodes: Node[] = [];
  private calls: Call[] = [];
  private messages: { readonly node: number; readonly kind: 'recall' | 'event'; readonly text: string }[] =
    [];
  private readonly requests: Request[] = [];
  private acts: Act[] = [];
  private used: Record<string, number> = {};
  private faults = 0;

  private constructor(private readonly budget: Budget) {}

  static async create(budget: Budget): Promise<World> {
    const world = new World(budget);
    current.world = world;
    for (let i = 0; i < budget.nodes; i++) await world.addNode(i);
    if (!budget.isStranger) {
      for (let i = 1; i < budget.nodes; i++) await world.meet(i);
      world.pass(3 * TERM_MS);
    }
    return world;
  }

  clocks(): { readonly monotonic: number; readonly wall: number } {
    return this.nodes[current.node] ?? { monotonic: 0, wall: 0 };
  }

  sleep(ms: number): Promise<void> {
    const act = this.acts.find(({ node }) => node === current.node) as Act;
    return new Promise((resolve) => (act.sleep = { until: this.now + ms, resolve }));
  }

  /** The wait of an act tells how long it still takes. */
  observed(recall: Recall, leftMs: number): void {
    const act = this.acts.find(({ node }) => node === current.node);
    if (!act) return;
    act.recall = recall;
    act.endsAt = this.now + leftMs;
  }

  /** What may happen next. */
  moves(): string[] {
    const { budget } = this;
    const moves: string[] = [];
    const may = (name: string, most: number | undefined): boolean => (this.used[name] ?? 0) < (most ?? 0);
    for (let i = 0; i < budget.nodes; i++) {
      if (this.nodes[i]?.isSuspended) continue;
      if (may(`request ${i}`, budget.requests[i])) moves.push(`request ${i}`);
      if (may(`act ${i}`, budget.acts[i]) && !this.acts.some(({ node }) => node === i))
        moves.push(`act ${i}`);
    }
    const first = new Set<string>();
    this.calls.forEach((call, i) => {
      // One connection: calls run in the order in which they were sent, and so do their replies come.
      const isAlone = budget.isReordered && call.kind === 'giveBack';
      const line = isAlone ? call.detail : `${call.node} ${call.stage}`;
      const isFirst = !first.has(line);
      first.add(line);
      const isAway = this.nodes[call.node]?.isSuspended === true;
      if (call.stage === 'sent' && isFirst) moves.push(`run ${i}`);
      if (call.stage === 'executed' && isFirst && !isAway) moves.push(`reply ${i}`);
      if (call.kind === 'check' && !call.isGivenUp) {
        if (call.stage === 'executed' && may('resend', budget.resent)) moves.push(`resend ${i}`);
        if (!isAway && may('give up', budget.givenUp)) moves.push(`give up ${i}`);
      }
      if (call.kind === 'recall' && !isAway && may('unanswered', budget.unanswered))
        moves.push(`unanswered ${i}`);
    });
    this.messages.forEach(({ node }, i) => {
      if (!this.nodes[node]?.isSuspended) moves.push(`deliver ${i}`);
    });
    for (const act of this.acts) {
      if (!act.sleep) continue;
      if (act.polls < budget.polls && act.sleep.until < act.endsAt) moves.push(`poll ${act.node}`);
      moves.push(`outwait ${act.node}`);
    }
    if (may('tick', budget.ticks)) moves.push('tick');
    if (may('flush', budget.flushes)) moves.push('flush');
    if (this.redis.version === undefined) moves.push('login');
    if (may('failover', budget.failovers)) moves.push('failover');
    for (const ms of budget.redisSteps ?? []) if (may(`step ${ms}`, 1)) moves.push(`step ${ms}`);
    for (const ms of budget.wallSteps ?? []) if (may(`wall ${ms}`, 1)) moves.push(`wall ${ms}`);
    if (this.nodes[0]?.isSuspended) moves.push('resume');
    else if (may('suspend', budget.suspensions)) moves.push('suspend');
    if (this.nodes[0]?.cache.size && may('evict', budget.evictions)) moves.push('evict');
    return moves;
  }

  /** Makes a move, and looks at whether all is as it must be. */
  async make(move: string): Promise<void> {
    current.world = this;
    const [name, argument = ''] = split(move);
    const i = Number(argument);
    const counted = COUNTED_EACH.has(name) ? move : COUNTED.has(name) ? name : undefined;
    if (counted !== undefined) this.used[counted] = (this.used[counted] ?? 0) + 1;
    if (!PEACEFUL.has(name)) this.faults += 1;
    if (name === 'request') this.request(i);
    else if (name === 'act') this.act(i);
    else if (name === 'run') this.run(this.calls[i] as Call);
    else if (name === 'reply') this.reply(this.calls[i] as Call);
    else if (name === 'resend') this.resend(this.calls[i] as Call);
    else if (name === 'give up') this.giveUp(this.calls[i] as Call);
    else if (name === 'unanswered') this.unanswered(this.calls[i] as Call);
    else if (name === 'deliver') this.deliver(i);
    else if (name === 'poll') this.wake(i, 'sleep');
    else if (name === 'outwait') this.wake(i, 'end');
    else if (name === 'tick') this.pass(TICK_MS);
    else if (name === 'flush') [this.redis.version, this.redis.slot.leases] = [undefined, []];
    else if (name === 'login') this.redis.version = this.redisNow();
    else if (name === 'failover') this.failOver();
    else if (name === 'step') this.redis.offset += i;
    else if (name === 'wall') (this.nodes[0] as Node).wall += i;
    else if (name === 'suspend') (this.nodes[0] as Node).isSuspended = true;
    else if (name === 'resume') (this.nodes[0] as Node).isSuspended = false;
    else if (name === 'evict') this.evict();
    else throw new Error(`There is no move ${move}`);
    await settle();
    this.judge();
  }

  /** All that may still come about, in one text: two worlds with the same text go on in the same ways. */
  key(): string {
    const names = new Map(this.nodes.map(({ holder }, i) => [holder, i]));
    const { redis } = this;
    const { requests } = this;
    return JSON.stringify(
      [
        [this.now, this.state, this.resolved, redis.offset, redis.server, redis.version],
        redis.slot.leases.map(({ holder, from, to, expiresAt }) => [names.get(holder), from, to, expiresAt]),
        this.nodes.map((node, i) => [node.monotonic, node.wall, node.isSuspended, this.memoryOf(node, i)]),
        this.calls.map((call) => [
          call.node,
          call.kind,
          call.detail,
          call.stage,
          call.isGivenUp,
          call.request && requests.indexOf(call.request),
          call.kind === 'check' ? stateOf(call.reply) : call.reply,
        ]),
        this.messages,
        requests.map(({ node, required, calls, follows }) => [
          node,
          required,
          calls,
          follows && this.calls.indexOf(follows),
        ]),
        this.acts.map(({ recall, sleep, ...act }) => [act, sleep?.until, recall && inside(recall)]),
        Object.entries(this.used).sort(([one], [other]) => (one < other ? -1 : 1)),
      ],
      (_, value: unknown) => {
        if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
        const named = typeof value === 'string' ? names.get(value) : undefined;
        return named === undefined ? value : `node ${named}`;
      },
    );
  }

  /**
   * Lets all messages arrive and all calls be answered at once: then acts resolve, at once where nothing has gone wrong
   * before, and no later than a term after they were made in any case.
   */
  async end(): Promise<void> {
    const startedAt = this.now;
    const { isStranger, meetingMs } = this.budget;
    const isPrompt = this.faults === 0 && !isStranger && !meetingMs;
    const isPeaceful = isPrompt && this.acts.length > 0;
    const latestAt = this.latestEnd();
    let polls = 0;
    if (this.nodes[0]?.isSuspended) await this.make('resume');
    for (let moves = 0; this.acts.length > 0 && !this.violation; moves++) {
      if (moves > 100) return this.violate('An act waits for ever');
      const rests = polls > 5 ? ['outwait'] : ['poll', 'outwait'];
      const next = ['deliver', 'run', 'reply', ...rests].map((name) =>
        this.fairMoves().find((move) => move.startsWith(name)),
      );
      const move = next.find((one) => one !== undefined) as string;
      if (move.startsWith('poll')) polls += 1;
      await this.make(move);
    }
    if (this.now > latestAt) this.violate(`An act waits until ${this.now}, although Redis answers`);
    if (isPeaceful && this.now - startedAt > PROMPT_MS)
      this.violate(`An act waits for ${this.now - startedAt} ms`);
  }

  /** As `end`, with every message lost. */
  async endUnheard(): Promise<void> {
    const latestAt = this.latestEnd();
    for (let moves = 0; this.acts.length > 0 && !this.violation; moves++) {
      if (moves > 100) return this.violate('An act waits for ever');
      const calls = this.calls.map((call, i) => ({ call, i }));
      const own = calls.find(({ call }) => call.kind === 'recall' || call.stage === 'sent');
      if (own) await this.make(`${own.call.stage === 'sent' ? 'run' : 'reply'} ${own.i}`);
      else await this.make(`outwait ${(this.acts[0] as Act).node}`);
    }
    if (this.now > latestAt) this.violate(`An act waits until ${this.now}, although Redis answers`);
  }

  private latestEnd(): number {
    return Math.max(this.now, ...this.acts.map(({ at }) => at + TERM_MS)) + 1;
  }

  private fairMoves(): string[] {
    const polls = this.acts.filter(({ sleep }) => sleep).map(({ node }) => `poll ${node}`);
    return [...this.moves(), ...polls];
  }

  private async addNode(i: number): Promise<void> {
    current.node = i;
    let hasMet = false;
    const authenticate = (_: unknown, demand: { touchIfRoles: unknown; lease?: AskedLease }) =>
      this.check(i, demand);
    const inner = {
      authenticate,
      revoke: async () => {
        this.state += 1;
        return true;
      },
      events: {
        isHearing: true,
        listen: async (listener: ChannelListener) => void ((this.nodes[i] as Node).listener = listener),
        unlisten: () => undefined,
      },
      data: {},
      users: {},
      ipLists: {},
    } as unknown as SessionRepository;
    const calls = {
      announce: async () => TERM_MS,
      recall: async () => {
        if (hasMet) return this.call(i, { kind: 'recall', run: () => this.recall() });
        hasMet = true;
        throw new Error('Where it is needed, nodes meet the server by an act.');
      },
      giveBack: (_: string, holder: string, fill: number) =>
        this.call(i, {
          kind: 'giveBack',
          detail: `${fill}`,
          run: () => this.redis.slot.giveBack(holder, fill),
        }),
    };
    const repository = new NearSessionRepository(inner as never, calls as never, {
      leaseMs: TERM_MS,
      maxEntries: 10,
      firstWaitMs: 0,
    });
    const { cache, leases } = repository as unknown as { cache: NearCache; leases: object };
    const { holder } = leases as { holder: string };
    const node: Node = { repository, cache, holder, monotonic: 0, wall: 0, isSuspended: false };
    this.nodes[i] = node;
    await repository.start();
  }

  /** An act on somebody else, long ago: the node knows the server since. */
  private async meet(i: number): Promise<void> {
    this.act(i, 'bob');
    this.state = 0;
    await settle();
    while (this.acts.length > 0) {
      for (const call of this.calls.slice()) {
        this.pass(this.budget.meetingMs ?? 0);
        this.run(call);
        if (call.kind === 'recall') this.reply(call);
      }
      await settle();
      if (this.acts[0]?.sleep) this.wake(i, 'end');
      await settle();
    }
    this.resolved = 0;
  }

  private redisNow(): number {
    return EPOCH_MS + this.now + this.redis.offset;
  }

  private pass(ms: number): void {
    this.now += ms;
    for (const node of this.nodes) {
      node.wall += ms;
      if (!node.isSuspended) node.monotonic += ms;
    }
  }

  private call(
    node: number,
    { kind, detail = '', run, request }: Partial<Call> & Pick<Call, 'kind' | 'run'>,
  ) {
    return new Promise<unknown>((resolve, reject) => {
      const call: Call = {
        node,
        kind,
        detail,
        run,
        request,
        resolve,
        reject,
        stage: 'sent',
        isGivenUp: false,
      };
      // The same once more changes nothing.
      if (
        kind === 'giveBack' &&
        this.calls.some((one) => one.kind === kind && one.node === node && one.detail === detail)
      )
        return;
      this.calls.push(call);
    });
  }

  private check(i: number, demand: { readonly touchIfRoles: unknown; readonly lease?: AskedLease }) {
    const request = this.requests.find(
      (one) => one === demand.touchIfRoles || TAGS.get(one) === demand.touchIfRoles,
    );
    if (request) {
      request.calls += 1;
      request.follows = undefined;
    }
    const { lease } = demand;
    const run = (): unknown => {
      if (this.redis.version === undefined) return { kind: 'unknown' };
      const now = this.redisNow();
      const isLeased = lease !== undefined && this.redis.slot.grant(lease, now);
      return {
        kind: 'known',
        status: 'live',
        session: { id: PROOF.sessionId, expiresAt: Infinity, device: {} },
        user: { id: USER_ID, roles: [String(this.state)] },
        now,
        ipAllowed: true,
        quotas: [],
        ...(isLeased ? { lease: { touchDueAt: Infinity } } : {}),
      };
    };
    return this.call(i, { kind: 'check', detail: lease ? `${lease.fill}` : 'plain', run, request });
  }

  private recall(): RecallAnswer {
    const { redis } = this;
    const now = this.redisNow();
    const leases = redis.slot.recall(now);
    this.nodes.forEach(({ holder }, node) => {
      if (!leases.some((lease) => lease.holder === holder)) return;
      const isThere = this.messages.some((one) => one.node === node && one.kind === 'recall');
      if (!isThere) this.messages.push({ node, kind: 'recall', text: '' });
    });
    return {
      now,
      madeAt: redis.version ?? 0,
      leases,
      server: { id: `server ${redis.server}` },
    };
  }

  private request(i: number): void {
    current.node = i;
    const node = this.nodes[i] as Node;
    const touchIfRoles: string[][] = [];
    const request: Request = { node: i, required: this.resolved, calls: 0 };
    TAGS.set(request, touchIfRoles);
    const before = this.calls
      .filter((call) => call.node === i && call.kind === 'check' && !call.isGivenUp)
      .at(-1);
    this.requests.push(request);
    node.repository.authenticate(PROOF, { touchIfRoles, quotas: [] }).then(
      (lookup) => this.answered(request, stateOf(lookup)),
      () => this.answered(request, undefined),
    );
    if (request.calls === 0) request.follows = before;
  }

  private answered(request: Request, state: number | undefined): void {
    this.requests.splice(this.requests.indexOf(request), 1);
    if (state !== undefined && state < request.required)
      this.violate(`A request that began after act ${request.required} is answered from before it`);
  }

  private act(i: number, userId = USER_ID): void {
    current.node = i;
    const { repository } = this.nodes[i] as Node;
    const act: Act = { node: i, state: this.state + 1, at: this.now, polls: 0, endsAt: Infinity };
    this.acts.push(act);
    const done = repository.revoke(userId, PROOF.sessionId, 'logout');
    if (this.budget.events && userId === USER_ID)
      this.nodes.forEach((_, node) => this.messages.push({ node, kind: 'event', text: `${act.state}` }));
    void done.then(() => {
      this.acts = this.acts.filter((one) => one !== act);
      this.resolved = Math.max(this.resolved, act.state);
    });
  }

  private run(call: Call): void {
    const reply = call.run();
    if (call.kind === 'giveBack' || call.isGivenUp) {
      this.calls.splice(this.calls.indexOf(call), 1);
      if (call.kind === 'giveBack') call.resolve(undefined);
      return;
    }
    call.stage = 'executed';
    call.reply = reply;
    if (call.kind === 'recall' && !this.budget.slowRecalls) this.reply(call);
  }

  private reply(call: Call): void {
    current.node = call.node;
    this.calls.splice(this.calls.indexOf(call), 1);
    if (call.reply !== undefined) call.resolve(call.reply);
  }

  private resend(call: Call): void {
    call.stage = 'sent';
    call.reply = undefined;
  }

  private giveUp(call: Call): void {
    current.node = call.node;
    if (call.stage === 'sent') call.isGivenUp = true;
    else this.calls.splice(this.calls.indexOf(call), 1);
    call.reject(new Error('no answer'));
  }

  private unanswered(call: Call): void {
    current.node = call.node;
    this.calls.splice(this.calls.indexOf(call), 1);
    call.reject(new Error('no answer'));
  }

  private deliver(i: number): void {
    const [message] = this.messages.splice(i, 1);
    if (!message) return;
    current.node = message.node;
    const node = this.nodes[message.node] as Node;
    if (message.kind === 'recall')
      node.listener?.onRecall?.(
        USER_REF,
        this.nodes.map(({ holder }) => holder),
      );
    else node.listener?.onEvent({ name: 'session.revoked', userRef: USER_REF } as never);
  }

  private wake(i: number, when: 'sleep' | 'end'): void {
    current.node = i;
    const act = this.acts.find(({ node, sleep }) => node === i && sleep) as Act;
    // The pauses between polls take no time here: each moment would be another state.
    const until = when === 'sleep' ? this.now : Math.max(act.endsAt, act.sleep?.until ?? 0);
    if (until > this.now) this.pass(until - this.now);
    act.polls += 1;
    const { resolve } = act.sleep as { readonly resolve: () => void };
    act.sleep = undefined;
    resolve();
  }

  /** To a replica that has all but the leases, and has run for long. */
  private failOver(): void {
    this.redis.server += 1;
    this.redis.slot.leases = [];
  }

  private evict(): void {
    const { entries, sessionsOf } = this.nodes[0]!.cache as unknown as Record<string, Map<string, unknown>>;
    entries?.clear();
    sessionsOf?.clear();
  }

  private judge(): void {
    this.nodes.forEach((node, i) => {
      if (node.isSuspended) return;
      const found = node.cache.find(PROOF, { monotonic: node.monotonic, wall: node.wall });
      const state = found && stateOf(found.lookup);
      if (state !== undefined && state < this.resolved)
        this.violate(`Node ${i} answers from before act ${this.resolved}, which has resolved`);
    });
  }

  private violate(what: string): void {
    this.violation ??= what;
  }

  private memoryOf(node: Node, i: number): unknown {
    const { entries, fillsOf, fills } = node.cache as unknown as {
      entries: Map<string, { sentAt: object; lookup: object }>;
      fillsOf: Map<string, Set<{ lease: AskedLease; sentAt: object; isOutdated: boolean }>>;
      fills: number;
    };
    const fillsInFlight = [...fillsOf.values()].flatMap((set) =>
      [...set].map(({ lease, sentAt, isOutdated }) => [lease.fill, sentAt, isOutdated]),
    );
    return [
      fills,
      fillsInFlight,
      [...entries.values()].map(({ sentAt, lookup }) => [sentAt, stateOf(lookup)]),
      i === 0
        ? []
        : inside((node.repository.leases as unknown as { servers?: { known: object } }).servers?.known ?? {}),
    ];
  }
}

/** Each request's own array, which checks for it carry. */
const TAGS = new WeakMap<Request, unknown>();
/** Moves that may be made so many times; of the second kind, so many times for each argument. */
const COUNTED = new Set(['tick', 'resend', 'give up', 'unanswered', 'flush', 'failover', 'suspend', 'evict']);
const COUNTED_EACH = new Set(['request', 'act', 'step', 'wall']);
const PEACEFUL = new Set(['request', 'act', 'run', 'reply', 'deliver', 'poll', 'login', 'resume']);

function stateOf(lookup: unknown): number | undefined {
  const role = (lookup as { user?: { roles: string[] } } | undefined)?.user?.roles[0];
  return role === undefined ? undefined : Number(role);
}

function split(move: string): [string, string?] {
  const at = move.search(/ -?\d+$/);
  return at < 0 ? [move] : [move.slice(0, at), move.slice(at + 1)];
}

function inside(object: object): unknown {
  return Object.entries(object)
    .filter(([name]) => name !== 'settings' && name !== 'servers')
    .map(([name, value]) => [name, value instanceof Map ? [...value] : value]);
}

/** Lets all that a move has set off run until it waits for another move. */
async function settle(): Promise<void> {
  for (let i = 0; i < LONGEST_CHAIN; i++) await Promise.resolve();
}

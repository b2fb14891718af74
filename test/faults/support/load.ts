// Over 250 lines: what users do, ask and listen to, which share one history.
import { setTimeout as sleep } from 'node:timers/promises';
import { Listener } from './listener.js';
import type { FaultNode, Reply } from './fault-apps.js';
import type { Act, Canary, Gate, Request } from './history.js';

export interface LoadOptions {
  readonly nodes: readonly FaultNode[];
  /** Requests by HTTP, besides those around acts. Default 80. */
  readonly perSecond?: number;
  /** Users at a time. Default 12. */
  readonly lanes?: number;
  /** So many of them hold a stream and a socket. Default 6. */
  readonly listeners?: number;
  /** Whether acts that can be durable are. Default false. */
  readonly isDurable?: boolean;
  /** Asks each server, not by way of a proxy. Rejects at once where one is away. */
  readonly pings?: readonly (() => Promise<unknown>)[];
  /** Where roles and blocks are written before they are told to the apps. */
  readonly directory?: {
    set(userId: string, state: { roles: readonly string[]; isBlocked: boolean }): number;
  };
}

/** Who asks: a session, alive or dead. */
export interface Target {
  readonly token: string;
  readonly ip: string;
  readonly needs: readonly Gate[];
  readonly role: Gate;
  /** Of what streams bring; a logout ends them later. */
  readonly listens: readonly Gate[];
}

interface Lane {
  readonly ip: string;
  userId: string;
  isRetired: boolean;
  current: Target | undefined;
  past: Target[];
}

const DURABLE = new Set(['block', 'revokeAll', 'demote', 'promote', 'deny']);
const MODERATOR = ['user', 'moderator'];
const TICK_MS = 10;
const AT_ONCE = 20;
const CANARY_EVERY_MS = 50;
const PUBLISH_EVERY_MS = 50;
/** All of them need the list of refused addresses to be there. */
const LIST: Gate = 'list';
let names = 0;

/** Users who log in, ask, listen and are acted upon, all by one clock. */
export class Load {
  readonly requests: Request[] = [];
  readonly acts: Act[] = [];
  readonly canaries: Canary[] = [];
  private readonly lanes: Lane[];
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly listeners = new Set<Listener>();
  private readonly published = new Map<number, number>();
  private isOver = false;
  private posts = 0;
  private loops: Promise<unknown>[] = [];
  /** All sessions there ever were. */
  private readonly everybody: Target[] = [];

  constructor(private readonly options: LoadOptions) {
    const { lanes = 12 } = options;
    this.lanes = Array.from({ length: lanes }, (_, i) => ({
      ip: `10.0.0.${i + 1}`,
      userId: '',
      isRetired: true,
      current: undefined,
      past: [],
    }));
  }

  async start(): Promise<void> {
    await this.restoreList();
    const { listeners = 6 } = this.options;
    this.loops = [
      ...this.lanes.map((lane, i) => this.live(lane, i < listeners)),
      this.ask(),
      this.every(CANARY_EVERY_MS, (node) => this.lookAt(node)),
      this.pingAll(),
      this.every(PUBLISH_EVERY_MS, (node) => this.publish(node)),
      this.banish(),
    ];
  }

  /** Asks once with every session that there was: what a fault has undone shows. */
  async askEverybody(): Promise<void> {
    for (let i = 0; i < this.everybody.length; i += AT_ONCE) {
      const some = this.everybody.slice(i, i + AT_ONCE);
      await Promise.all(some.map((target) => this.askAs(target)));
    }
  }

  /** Resolves when every answer is there. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
    while (this.underWay.size > 0) await Promise.all(this.underWay);
    for (const listener of this.listeners) this.harvest(listener);
  }

  /** Data were lost: these sessions are over, and the users begin anew. Open streams end with their next check, later. */
  forget(sentAt: number, settledAt: number): void {
    const closed = this.acts
      .flatMap(({ sets }) => Object.keys(sets))
      .filter((gate) => gate.startsWith('session '));
    const sets = Object.fromEntries([LIST, ...closed].map((gate) => [gate, false]));
    this.acts.push({ kind: 'loss of all data', sentAt, settledAt, sets });
    for (const lane of this.lanes) lane.isRetired = true;
  }

  /** Sets the list of refused addresses, as an operator does. */
  async restoreList(): Promise<void> {
    while (!this.isOver) {
      const { status } = await this.act('deny', { cidrs: [] }, { [LIST]: true });
      if (status < 400) return;
      await sleep(100);
    }
  }

  private pickNode(nodes = this.options.nodes): FaultNode {
    return nodes[Math.floor(Math.random() * nodes.length)] as FaultNode;
  }

  private async track<T>(work: Promise<T>): Promise<T> {
    this.underWay.add(work);
    try {
      return await work;
    } finally {
      this.underWay.delete(work);
    }
  }

  private async ask(): Promise<void> {
    const { perSecond = 80 } = this.options;
    const startedAt = performance.now();
    let lastAt = startedAt;
    for (let sent = 0; !this.isOver; await sleep(TICK_MS)) {
      const now = performance.now();
      if (now - lastAt > 2 * TICK_MS) this.canaries.push({ sentAt: lastAt, answeredAt: now });
      lastAt = now;
      const due = ((now - startedAt) / 1_000) * perSecond;
      for (; sent < due; sent++) void this.askOnce();
    }
  }

  private async askOnce(): Promise<void> {
    const lane = this.lanes[Math.floor(Math.random() * this.lanes.length)] as Lane;
    const isPast = !lane.current || Math.random() < 0.25;
    const target = isPast ? lane.past[Math.floor(Math.random() * lane.past.length)] : lane.current;
    if (target) await this.askAs(target);
  }

  /** Right before and after an act, each node is asked: one that answers from a moment ago is found out. */
  private askEverywhere(target: Target): void {
    for (const node of this.options.nodes)
      for (const asModerator of [true, false]) void this.askAs(target, node, asModerator);
  }

  private async askAs(
    target: Target,
    node = this.pickNode(),
    asModerator = Math.random() < 0.5,
  ): Promise<void> {
    const reply = await this.track(node.send(asModerator ? '/moderation' : '/me', target));
    this.note(
      { door: 'http', needs: asModerator ? [...target.needs, target.role] : target.needs, node },
      reply,
    );
  }

  private note(
    {
      door,
      needs,
      node,
      what,
    }: Pick<Request, 'door' | 'needs'> & { readonly what?: string; readonly node: FaultNode },
    { sentAt, answeredAt, status, body }: Reply,
  ): void {
    const code = body['code'];
    const more = { ...(typeof code === 'string' && { code }), ...(what !== undefined && { what }) };
    this.requests.push({ door, sentAt, answeredAt, status, needs, node: node.name, ...more });
  }

  /** Does something to a user; with a reply of 5xx, nobody knows whether it is or will be done. */
  private async act(
    act: string,
    details: object,
    sets: Record<Gate, boolean>,
    needs: Gate[] = [],
  ): Promise<Reply> {
    const node = this.pickNode(this.options.nodes.filter(({ isFrozen }) => !isFrozen));
    const startedAt = performance.now();
    const reply = await this.track(node.send('/act', { body: { act, ...details } }));
    this.note({ door: act === 'login' ? 'login' : 'act', what: act, needs, node }, reply);
    const isKnown = reply.status < 400;
    if (isKnown || reply.status >= 500 || reply.status === 0) {
      const settledAt = isKnown ? reply.answeredAt : Infinity;
      const isDurable = this.options.isDurable === true && DURABLE.has(act);
      const told = { by: node.name, status: reply.status, ...reply.body };
      const common = { kind: act, sentAt: startedAt, settledAt, isDurable, told };
      const { nodes } = (reply.body['reply'] ?? {}) as { nodes?: { expired: number } };
      const streams = Object.keys(sets).filter((gate) => gate.startsWith('stream'));
      this.acts.push({ ...common, sets });
      // Of streams the receipt says whether every node has heard of it.
      if (nodes?.expired) {
        for (const gate of streams) delete sets[gate];
        const ended = Object.fromEntries(streams.map((gate) => [gate, false]));
        this.acts.push({ ...common, sets: ended, isUnheard: true });
      }
    }
    return reply;
  }

  private async live(lane: Lane, listens: boolean): Promise<void> {
    while (!this.isOver) {
      if (lane.isRetired) {
        lane.userId = `user-${process.pid}-${(names += 1)}`;
        lane.isRetired = false;
        this.tell(lane, false);
        if (!(await this.login(lane, true))) {
          lane.isRetired = true;
          await sleep(50);
          continue;
        }
      } else if (!(await this.login(lane, false))) {
        lane.isRetired = true;
        continue;
      }
      if (listens) this.listen(lane);
      await this.dwell(lane, 600);
      await this.lifeOf(lane);
      if (lane.current) lane.past = [lane.current, ...lane.past].slice(0, 2);
      lane.current = undefined;
    }
  }

  /** One act that ends something, and what follows. */
  private async lifeOf(lane: Lane): Promise<void> {
    const { userId, current } = lane;
    if (!current || lane.isRetired) return;
    const [session, user] = current.needs as [Gate, Gate];
    const [stream] = current.listens as [Gate];
    const does = async (act: string, sets: Record<Gate, boolean>, more: object = {}): Promise<boolean> => {
      this.askEverywhere(current);
      const { status } = await this.act(act, { userId, ...more }, sets);
      this.askEverywhere(current);
      if (status >= 400 || status === 0) lane.isRetired = true;
      await this.dwell(lane, 200);
      return !lane.isRetired;
    };
    const chance = Math.random();
    if (chance < 0.4) {
      this.tell(lane, true);
      if (!(await does('block', { [session]: false, [stream]: false, [user]: false }))) return;
      const refused = await this.act('login', { userId }, {}, [user]);
      if (refused.status !== 403) lane.isRetired = true;
      if (lane.isRetired) return;
      const sourceVersion = this.tell(lane, false);
      if (sourceVersion === undefined) await does('unblock', { [user]: true });
      else await does('update', { [user]: true }, { roles: MODERATOR, sourceVersion });
    } else if (chance < 0.6) {
      await does('logout', { [session]: false }, { sessionId: session.slice('session '.length) });
    } else if (chance < 0.75) {
      await does('revokeAll', { [session]: false, [stream]: false });
    } else {
      if (!(await does('demote', { [current.role]: false }))) return;
      if (!(await does('promote', { [current.role]: true }))) return;
      await does('revokeAll', { [session]: false, [stream]: false });
    }
  }

  private async login(lane: Lane, isNew: boolean): Promise<boolean> {
    const { userId, ip } = lane;
    const [user, role] = [`user ${userId}`, `role ${userId}`];
    const sets: Record<Gate, boolean> = isNew ? { [user]: true, [role]: true } : {};
    const reply = await this.act('login', { userId, isNew }, sets, isNew ? [] : [user]);
    if (reply.status >= 400 || reply.status === 0) return false;
    const { token, sessionId } = reply.body['reply'] as { token: string; sessionId: string };
    const [session, stream] = [`session ${sessionId}`, `stream ${sessionId}`];
    Object.assign(sets, { [session]: true, [stream]: true });
    lane.current = { token, ip, role, needs: [session, user, LIST], listens: [stream] };
    this.everybody.push(lane.current);
    return !lane.isRetired;
  }

  private tell({ userId }: Lane, isBlocked: boolean): number | undefined {
    return this.options.directory?.set(userId, { roles: MODERATOR, isBlocked });
  }

  private async dwell(lane: Lane, mostMs: number): Promise<void> {
    const until = performance.now() + mostMs * (0.3 + 0.7 * Math.random());
    while (performance.now() < until && !this.isOver && !lane.isRetired) await sleep(20);
  }

  /** Refuses one address after the other, and asks from there. */
  private async banish(): Promise<void> {
    for (let n = 0; !this.isOver; n++) {
      const lane = this.lanes.at(-1) as Lane;
      const ip = `10.1.${(n >> 8) & 255}.${n & 255}`;
      const gate = `ip ${ip}`;
      this.acts.push({ kind: 'known', sentAt: -Infinity, settledAt: -Infinity, sets: { [gate]: true } });
      const asks = async (): Promise<void> => {
        for (let i = 0; i < 3 && lane.current; i++) {
          const { current } = lane;
          const node = this.pickNode();
          const reply = await this.track(node.send('/me', { ...current, ip }));
          this.note({ door: 'http', needs: [...current.needs, gate], node }, reply);
          await sleep(50);
        }
      };
      await asks();
      const { status } = await this.act('deny', { cidrs: [ip] }, { [gate]: false });
      await asks();
      // A list of unknown outcome may come at any later time, in place of the next one.
      if (status >= 500 || status === 0) return;
      await sleep(100);
    }
  }

  private listen(lane: Lane): void {
    const { current } = lane;
    if (!current) return;
    const node = this.pickNode();
    const listener = new Listener(node, current);
    this.listeners.add(listener);
    void listener.ended.then(() => this.harvest(listener));
    const hasMovedOn = () => lane.current !== current;
    void this.track(listener.talk(hasMovedOn, () => this.isOver));
  }

  private harvest(listener: Listener): void {
    if (!this.listeners.delete(listener)) return;
    this.requests.push(...listener.seen(this.published));
    listener.close();
  }

  private async every(ms: number, what: (node: FaultNode) => Promise<void>): Promise<void> {
    for (; !this.isOver; await sleep(ms)) for (const node of this.options.nodes) void this.track(what(node));
  }

  private async lookAt(node: FaultNode): Promise<void> {
    const { sentAt, answeredAt } = await node.send('/health');
    this.canaries.push({ node: node.name, sentAt, answeredAt });
  }

  private async pingAll(): Promise<void> {
    const { pings = [] } = this.options;
    for (; !this.isOver; await sleep(2 * CANARY_EVERY_MS)) {
      for (const ping of pings) {
        const sentAt = performance.now();
        const note = () => void this.canaries.push({ node: 'redis', sentAt, answeredAt: performance.now() });
        void ping().then(note, () => undefined);
      }
    }
  }

  private async publish(node: FaultNode): Promise<void> {
    const n = (this.posts += 1);
    this.published.set(n, performance.now());
    node.publish({ n });
  }
}

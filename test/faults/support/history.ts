/** Something that a request needs, such as a session that lives or a user who is not blocked: it is open or closed. */
export type Gate = string;

export type Door = 'http' | 'login' | 'sse' | 'ws' | 'message' | 'act';

/** All instants are by performance.now() of one process, the one that sent and received. */
export interface Request {
  readonly door: Door;
  readonly sentAt: number;
  readonly answeredAt: number;
  /** Of a reply, or 200 for what a stream delivered. */
  readonly status: number;
  /** Of a refusal, such as `not_durable`. */
  readonly code?: string;
  /** The node that answered. */
  readonly node?: string;
  /** It may be served while all of these are open. */
  readonly needs: readonly Gate[];
}

/** It opens and closes gates at one instant between the two. */
export interface Act {
  readonly kind: string;
  readonly sentAt: number;
  /** When it was acknowledged. `Infinity`: the outcome is unknown, and the act may happen at any later time, or never. */
  readonly settledAt: number;
  /** Whether it has happened by `settledAt`. Default true, unless that is `Infinity`. */
  readonly isCertain?: boolean;
  readonly sets: Readonly<Record<Gate, boolean>>;
  /** For people: how it was answered. */
  readonly told?: unknown;
  /** Whether its receipt says that some node has not heard of it. Default false. */
  readonly isUnheard?: boolean;
  /** Whether a server that takes over has it. Default false. */
  readonly isDurable?: boolean;
}

/** When a fault was there. */
export interface FaultWindow {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Of what may be refused meanwhile; by default everything. */
  readonly doors?: readonly Door[];
  /** The one code with which it may be refused, with any status. Default any code, with 503. */
  readonly code?: string;
  /** Whether requests may be refused at all. Default true. */
  readonly refuses?: boolean;
  /** Whether events may get lost: an act of which a node has not heard then ends streams up to two seconds later. */
  readonly losesEvents?: boolean;
  /** Acts acknowledged from this instant until `to` may be undone. */
  readonly undoes?: { readonly from: number; readonly which: 'undurable' | 'all' };
}

/** A request that needs nothing of Redis: a machine that is busy makes it wait, too. */
export interface Canary {
  /** Or `redis`. Absent: whoever measures was held up itself. */
  readonly node?: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface History {
  readonly requests: readonly Request[];
  readonly acts: readonly Act[];
  readonly faults: readonly FaultWindow[];
  readonly canaries: readonly Canary[];
  /** What a busy machine may add to a wait besides, in milliseconds. Default 0. */
  readonly slackMs?: number;
}

export interface Verdict {
  /** Served although an act that was acknowledged before they were sent forbids it. */
  readonly lateAllows: readonly Request[];
  /** Denied although nothing forbade it at any moment in between. */
  readonly wrongDenials: readonly Request[];
  /** 503 while no fault was there, or a status that nobody expects. */
  readonly wrongRefusals: readonly Request[];
  /** 503 that took too long. */
  readonly slowRefusals: readonly Request[];
  readonly served: number;
  readonly denied: number;
  readonly refused: number;
  readonly acknowledged: number;
}

/** The promises of docs/redis.md and docs/live-connections.md. */
export const REFUSED_WITHIN_MS = 250;
export const UNHEARD_MS = 2_000;
/** A part of what a call gets: where anything is held up for so long, Redis may rightly be said not to have answered. */
const HELD_UP_MS = 30;
/** On a machine with nothing else to do, a canary takes a few milliseconds. */
const HELD_UP_FROM_MS = 8;
const AROUND_MS = 1_000;

/** Judges what was seen. Where an answer can be right by any order of acts and requests that fits the clock, it is right. */
export function judge(history: History): Verdict {
  const states = new GateStates(actsAsTheyMayBe(history));
  const slowness = slownessOf(history.canaries);
  const { slackMs = 0 } = history;
  const verdict = {
    lateAllows: [] as Request[],
    wrongDenials: [] as Request[],
    wrongRefusals: [] as Request[],
    slowRefusals: [] as Request[],
    served: 0,
    denied: 0,
    refused: 0,
    acknowledged: history.acts.filter(isCertain).length,
  };
  for (const request of history.requests) {
    const { status, needs, sentAt, answeredAt, door, node } = request;
    const during = (gate: Gate) => states.during(gate, sentAt, answeredAt);
    if (status >= 200 && status < 400) {
      verdict.served += 1;
      if (needs.some((gate) => !during(gate).has(true))) verdict.lateAllows.push(request);
    } else if (status === 401 || status === 403) {
      verdict.denied += 1;
      if (needs.every((gate) => !during(gate).has(false))) verdict.wrongDenials.push(request);
    } else {
      verdict.refused += 1;
      const isExcused = history.faults.some((fault) => excuses(fault, request));
      const wasHeldUp = () => slowness(sentAt - AROUND_MS, answeredAt + AROUND_MS) >= HELD_UP_MS;
      if (!isExcused && !(status === 503 && wasHeldUp())) verdict.wrongRefusals.push(request);
      const bound =
        REFUSED_WITHIN_MS + slackMs + (door === 'http' ? slowness(sentAt, answeredAt, node) : Infinity);
      if (answeredAt - sentAt > bound) verdict.slowRefusals.push(request);
    }
  }
  return verdict;
}

function isCertain({ isCertain: certain = true, settledAt }: Act): boolean {
  return certain && settledAt < Infinity;
}

function excuses(fault: FaultWindow, { door, code, status, sentAt, answeredAt }: Request): boolean {
  if (fault.refuses === false || (fault.doors && !fault.doors.includes(door))) return false;
  if (fault.code === undefined ? status !== 503 : fault.code !== code) return false;
  return sentAt <= fault.to && answeredAt >= fault.from;
}

/**
 * An act that a fault may undo is followed by one, of unknown outcome, that sets its gates back. One that was not heard of
 * takes longer.
 */
function actsAsTheyMayBe({ acts, faults }: History): Act[] {
  return acts.flatMap((given) => {
    const isLost = ({ losesEvents = false, from, to }: FaultWindow) =>
      losesEvents && given.settledAt >= from && given.sentAt <= to;
    const isLate = given.isUnheard === true && faults.some(isLost);
    const act = isLate ? { ...given, settledAt: given.settledAt + UNHEARD_MS } : given;
    const back = faults
      .filter(({ undoes, to }) => {
        if (!undoes || (act.isDurable && undoes.which === 'undurable')) return false;
        return act.settledAt >= undoes.from && act.sentAt <= to;
      })
      .map(({ name, from, to }) => ({
        kind: `${act.kind}, undone by ${name}`,
        sentAt: Math.min(act.sentAt, from),
        settledAt: to,
        isCertain: false,
        sets: Object.fromEntries(Object.entries(act.sets).map(([gate, isOpen]) => [gate, !isOpen])),
      }));
    return [act, ...back];
  });
}

interface Step {
  readonly from: number;
  readonly to: number;
  readonly isOpen: boolean;
  readonly isCertain: boolean;
}

/** In which states a gate can have been. A gate that no act has opened yet is closed. */
class GateStates {
  private readonly steps = new Map<Gate, Step[]>();

  constructor(acts: readonly Act[]) {
    for (const act of acts) {
      for (const [gate, isOpen] of Object.entries(act.sets)) {
        const steps = this.steps.get(gate) ?? [];
        this.steps.set(gate, steps);
        steps.push({ from: act.sentAt, to: act.settledAt, isOpen, isCertain: isCertain(act) });
      }
    }
  }

  during(gate: Gate, from: number, to: number): ReadonlySet<boolean> {
    const begun = (this.steps.get(gate) ?? []).filter((step) => step.from <= to);
    const done = begun.filter((step) => step.isCertain && step.to <= from);
    // What every possible order has behind it: a step is over for good once another one came wholly after it.
    const overBefore = done.reduce((latest, step) => Math.max(latest, step.from), -Infinity);
    const possible = new Set(begun.filter((step) => step.to >= overBefore).map(({ isOpen }) => isOpen));
    if (done.length === 0) possible.add(false);
    return possible;
  }
}

/** @returns for how long, between two instants, a busy machine held up one node, or any */
function slownessOf(canaries: readonly Canary[]): (from: number, to: number, node?: string) => number {
  const sorted = canaries
    .filter(({ sentAt, answeredAt }) => answeredAt - sentAt >= HELD_UP_FROM_MS)
    .toSorted((a, b) => a.sentAt - b.sentAt);
  const longest = sorted.reduce((most, { sentAt, answeredAt }) => Math.max(most, answeredAt - sentAt), 0);
  return (from, to, node) => {
    let [sum, countedTo] = [0, from];
    for (let i = firstFrom(sorted, from - longest); i < sorted.length; i++) {
      const { node: of, sentAt, answeredAt } = sorted[i] as Canary;
      if (sentAt > to) break;
      if (node !== undefined && of !== undefined && of !== node) continue;
      sum += Math.max(0, Math.min(answeredAt, to) - Math.max(sentAt, countedTo));
      countedTo = Math.max(countedTo, Math.min(answeredAt, to));
    }
    return sum;
  };
}

function firstFrom(sorted: readonly Canary[], at: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Canary).sentAt < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

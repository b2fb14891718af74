import { useEffect, useState } from 'preact/hooks';
import type { Identity, Post, Problem } from './types.js';

/** A quota as the latest reply told it. */
export interface Quota {
  readonly name: string;
  readonly quota: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** When there is room again, or everything is. */
  readonly resetAt: number;
}

export interface State {
  /** `asking`: it is not known yet whose session this is. `away`: the server does not answer. */
  readonly phase: 'asking' | 'out' | 'in' | 'away';
  readonly me: Identity | undefined;
  /** Why the last session ended, to be told once. */
  readonly ending: Problem | undefined;
  /** When the session ends if nothing happens, by this machine's clock. */
  readonly expiresAt: number | undefined;
  readonly quotas: readonly Quota[];
  readonly posts: readonly Post[];
  readonly isLive: boolean;
  /** Somebody waits for the password to be proved again. */
  readonly isProving: boolean;
}

const NOTHING: State = {
  phase: 'asking',
  me: undefined,
  ending: undefined,
  expiresAt: undefined,
  quotas: [],
  posts: [],
  isLive: false,
  isProving: false,
};

let state = NOTHING;
/** Grows whenever everything is forgotten: an answer that was asked for before belongs to somebody else. */
let turn = 0;
const listeners = new Set<() => void>();

export const getState = (): State => state;
export const currentTurn = (): number => turn;

export function setState(change: Partial<State>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

/** Back to knowing nothing about anybody. */
export function resetState(change: Partial<State> = {}): void {
  turn += 1;
  state = NOTHING;
  setState(change);
}

/** A part of the state; the component is drawn again when it changes. */
export function useStore<T>(select: (state: State) => T): T {
  const [value, setValue] = useState(() => select(state));
  useEffect(() => {
    const update = (): void => setValue(() => select(state));
    update();
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return value;
}

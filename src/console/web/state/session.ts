import { type ApiError, call, setHooks, tokenSettled, UNREACHABLE } from './api.js';
import { listen, unlisten } from './live.js';
import { leaveScreen } from './route.js';
import { currentTurn, getState, resetState, setState } from './store.js';
import type { Identity, Problem, Session } from './types.js';

const RETRY_MS = 5_000;
/** A cookie that another tab was given may come a moment after the stream's end. */
const SETTLE_MS = 250;
/** Nothing about the user stays on the screen for longer while it is not certain that they may see it. */
const DOUBT_MS = 5_000;

let retry: ReturnType<typeof setTimeout> | undefined;
let prover: ((isProved: boolean) => void) | undefined;

/** Asks whose session this is, and shows it. The screen stays as it is meanwhile. */
export async function ask({ isInDoubt = false } = {}): Promise<void> {
  clearTimeout(retry);
  const asked = currentTurn();
  const doubt = isInDoubt
    ? setTimeout(() => asked === currentTurn() && goAway(UNREACHABLE), DOUBT_MS)
    : undefined;
  try {
    const me = await call<Identity>('GET', 'auth/me');
    // Another tab may have logged somebody else in.
    if ((getState().me ?? me).user.id !== me.user.id) forget();
    setState({ phase: 'in', me, ending: undefined, expiresAt: Date.parse(me.session.expiresAt) });
    listen({
      onEnd: (code) => void onStreamEnd(code),
      onRefused: () => void ask(),
      onAgain: () => void ask({ isInDoubt: true }),
    });
  } catch (error) {
    const { problem } = error as ApiError;
    const isPassing = problem.status === 0 || problem.status === 429 || problem.status >= 500;
    if (isPassing) goAway(problem);
    else signedOut(problem);
  } finally {
    clearTimeout(doubt);
  }
}

function goAway(ending: Problem): void {
  forget({ phase: 'away', ending });
  retry = setTimeout(() => void ask(), RETRY_MS);
}

/** Takes everything about the user away, at once. */
export function forget(change: Parameters<typeof resetState>[0] = {}): void {
  clearTimeout(retry);
  unlisten();
  prover = undefined;
  resetState(change);
}

/** Forgets, and asks whose session it is now. */
export function startOver(): void {
  forget();
  void ask();
}

async function onStreamEnd(code: string): Promise<void> {
  if (code === 'user_blocked') {
    startOver();
    return;
  }
  const asked = currentTurn();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await tokenSettled();
  if (asked === currentTurn()) await ask({ isInDoubt: true });
}

function signedOut(problem: Problem): void {
  const wasIn = getState().phase === 'in';
  leaveScreen();
  forget({ phase: 'out', ...(problem.code === 'session_missing' && !wasIn ? {} : { ending: problem }) });
}

export async function logIn(credentials: {
  readonly username: string;
  readonly password: string;
  readonly deviceName?: string;
  readonly rememberMe?: boolean;
}): Promise<void> {
  setState({ ending: undefined });
  await call('POST', 'auth/login', credentials, { isAnonymous: true, replacesToken: true });
  await ask();
}

export async function register(credentials: {
  readonly username: string;
  readonly password: string;
}): Promise<void> {
  await call('POST', 'auth/register', credentials, { isAnonymous: true });
  await logIn(credentials);
}

export async function logOut(): Promise<void> {
  forget();
  leaveScreen();
  await call('POST', 'auth/logout', undefined, { isAnonymous: true }).catch(() => undefined);
  await ask();
}

/** "I am still here": the inactivity timeout begins anew. */
export const keepAlive = (): Promise<void> => call('POST', 'auth/keep-alive');

/** How long there is, without that being activity: another tab may have been used meanwhile. */
export async function askExpiry(): Promise<void> {
  const { session } = await call<{ session: Session }>('GET', 'sessions/current');
  setState({ expiresAt: Date.parse(session.expiresAt) });
}

export async function prove(password: string): Promise<void> {
  await call('POST', 'auth/reauthenticate', { password }, { replacesToken: true });
  settleProof(true);
  void ask();
}

/** Opens the dialog in which the password is proved again. */
export function askForProof(): Promise<boolean> {
  setState({ isProving: true });
  return new Promise((resolve) => (prover = resolve));
}

export function settleProof(isProved: boolean): void {
  setState({ isProving: false });
  prover?.(isProved);
  prover = undefined;
}

setHooks({ ended: signedOut, demoted: () => void ask(), prove: askForProof });

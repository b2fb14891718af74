import { readQuotas } from './quotas.js';
import { currentTurn, getState, setState } from './store.js';
import type { Problem } from './types.js';

/** A refusal, or an answer that did not come. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  get code(): string {
    return this.problem.code;
  }
}

/** What the session's keeper does when a reply says that something is over; `session.ts` sets it. */
interface Hooks {
  ended(problem: Problem): void;
  demoted(): void;
  /** @returns whether the password was proved again */
  prove(): Promise<boolean>;
}

let hooks: Hooks;
export const setHooks = (given: Hooks): void => void (hooks = given);

/** Codes after which this session is over, whatever was asked for. */
const OVER: ReadonlySet<string> = new Set([
  'session_missing',
  'session_invalid',
  'session_revoked',
  'session_expired',
  'user_blocked',
]);
/** No answer came. */
export const UNREACHABLE: Problem = { status: 0, code: 'unreachable', detail: '' };

interface CallOptions {
  /** The reply brings another token: what would be refused meanwhile is not asked. */
  readonly replacesToken?: boolean;
  /** Refusals are the caller's to tell, also those that would end the session. */
  readonly isAnonymous?: boolean;
}

let replacing: Promise<unknown> = Promise.resolve();
let refreshing: Promise<boolean> | undefined;

/** Resolves when no reply with another token is on its way. */
export const tokenSettled = (): Promise<unknown> => replacing;

/**
 * One request. An answer that comes after everything was forgotten never resolves, so that nobody shows it.
 * @throws ApiError
 */
export async function call<T = void>(
  method: string,
  path: string,
  body?: object,
  options: CallOptions = {},
): Promise<T> {
  const asked = currentTurn();
  const sent = send(method, path, body);
  if (options.replacesToken) replacing = sent.catch(() => undefined);
  const reply = await sent;
  if (asked !== currentTurn()) return new Promise<T>(() => {});
  learn(reply.headers, !(options.replacesToken && reply.ok));
  if (reply.ok) return reply.json as T;
  const problem = reply.json as Problem;
  if (options.isAnonymous) throw new ApiError(problem);
  if (problem.code === 'session_expired' && (await refresh())) return call<T>(method, path, body, options);
  if (OVER.has(problem.code)) {
    hooks.ended(problem);
    return new Promise<T>(() => {});
  }
  if (problem.code === 'reauthentication_required' && (await hooks.prove()))
    return call<T>(method, path, body, options);
  if (problem.code === 'forbidden') hooks.demoted();
  throw new ApiError(problem);
}

interface Reply {
  readonly ok: boolean;
  readonly headers: Headers;
  readonly json: unknown;
}

async function send(method: string, path: string, body: object | undefined): Promise<Reply> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch {
    return { ok: false, headers: new Headers(), json: UNREACHABLE };
  }
  const { ok, headers, status } = response;
  try {
    return { ok, headers, json: text === '' ? undefined : JSON.parse(text) };
  } catch {
    return { ok: false, headers, json: { ...UNREACHABLE, status } }; // a proxy's page
  }
}

/** With refresh tokens an access token ends before its session. Where they are off, the route is not there. */
function refresh(): Promise<boolean> {
  refreshing ??= send('POST', 'auth/refresh', {})
    .then(({ ok }) => ok)
    .finally(() => (refreshing = undefined));
  return refreshing;
}

/** @param tellsQuotas not after a right password: the attempt was given back when the headers were written already */
function learn(headers: Headers, tellsQuotas: boolean): void {
  const seconds = headers.get('Session-Expires');
  const quotas = tellsQuotas ? readQuotas(headers, Date.now()) : [];
  if (seconds === null && quotas.length === 0) return;
  const names = new Set(quotas.map(({ name }) => name));
  setState({
    ...(seconds === null ? {} : { expiresAt: Date.now() + Number(seconds) * 1_000 }),
    quotas: [...quotas, ...getState().quotas.filter(({ name }) => !names.has(name))],
  });
}

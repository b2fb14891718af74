import { SessionError } from '../model/session-error.js';
import { userRefOf } from '../token/session-token.js';
import { CHANNELS, CHECKS } from './channels.js';
import { type ActMessage, type ActName, ACTS, type CheckMessage } from './messages.js';
import type { FailedTokenMessage, QuotaRefusalMessage, SessionEnd, SessionsMessage } from './messages.js';
import type { Realm } from './realm.js';

/** Knows a user, and shows neither the ID nor the pseudonym to whatever prints or serialises it. */
class AboutUser {
  readonly #userId: string | undefined;

  constructor(userId: string | undefined, told: object) {
    this.#userId = userId;
    Object.assign(this, told);
  }

  get userRef(): string | undefined {
    return this.#userId === undefined ? undefined : userRefOf(this.#userId);
  }
}

/** What is checked, and since when, by performance.now(). */
export interface BegunCheck extends Pick<CheckMessage, 'realm' | 'context'> {
  readonly startedAt: number;
}

type Verdict = Pick<CheckMessage, 'decision' | 'reason'> & { readonly userId?: string | undefined };

/** Call it only where there are subscribers. */
export function tellCheck({ startedAt, ...about }: BegunCheck, { userId, ...verdict }: Verdict): void {
  const told = { ...about, ...verdict, durationMs: performance.now() - startedAt };
  CHECKS.publish(new AboutUser(userId, told) as unknown as CheckMessage);
}

/** As `tellCheck`, of a check that ended with an error. */
export function tellFailedCheck(begun: BegunCheck, error: unknown): void {
  const reason = codeOf(error);
  const isOpen = reason === 'session_store_unavailable' || reason === 'unexpected';
  tellCheck(begun, { decision: isOpen ? 'error' : 'deny', reason });
}

function codeOf(error: unknown): SessionError['code'] | 'unexpected' {
  return error instanceof SessionError ? error.code : 'unexpected';
}

interface RequestedAct {
  readonly realm: Realm;
  readonly act: ActName;
  /** Absent where it is about no user. */
  readonly userId?: string;
  /** What it ends a session for, where the act does not say it. */
  readonly reason?: SessionEnd;
}

/** Does something, and tells what became of it and of the sessions that it ended. */
export function watchAct<T>(requested: RequestedAct, perform: () => Promise<T>): Promise<T> {
  const isHeard = CHANNELS['latchkey.act'].hasSubscribers || CHANNELS['latchkey.sessions'].hasSubscribers;
  return isHeard ? toldAct(requested, perform) : perform();
}

async function toldAct<T>(
  { realm, act, userId, reason = ACTS[act] ?? undefined }: RequestedAct,
  perform: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const tell = (told: Pick<ActMessage, 'outcome' | 'receipt'>): void => {
    const durationMs = performance.now() - startedAt;
    CHANNELS['latchkey.act'].publish(new AboutUser(userId, { realm, act, ...told, durationMs }));
  };
  try {
    const result = await perform();
    const { connectionsClosed, nodes, sessions } = Object(result) as Partial<ReceiptLike>;
    tell({ outcome: 'ok', ...(nodes && { receipt: { connectionsClosed: connectionsClosed ?? 0, nodes } }) });
    const ended = typeof result === 'object' ? sessions : Number(result);
    if (reason && ended) tellSessions(realm, { change: 'ended', reason, count: ended });
    return result;
  } catch (error) {
    tell({ outcome: codeOf(error) });
    throw error;
  }
}

type ReceiptLike = NonNullable<ActMessage['receipt']> & { readonly sessions: number };

export function tellSessions(realm: Realm, told: Omit<SessionsMessage, 'realm'>): void {
  const { hasSubscribers } = CHANNELS['latchkey.sessions'];
  if (hasSubscribers && told.count > 0) CHANNELS['latchkey.sessions'].publish({ realm, ...told });
}

/** Tells those of the quotas that had no room. */
export function tellRefusals(
  realm: Realm,
  quotas: readonly { readonly name: string; readonly allowed: boolean }[],
): void {
  const refusals = CHANNELS['latchkey.quota_refusal'];
  if (!refusals.hasSubscribers) return;
  for (const { name, allowed } of quotas)
    if (!allowed) refusals.publish({ realm, quota: name } satisfies QuotaRefusalMessage);
}

export function tellFailedToken(realm: Realm, told: Omit<FailedTokenMessage, 'realm'>): void {
  const failures = CHANNELS['latchkey.failed_token'];
  if (failures.hasSubscribers) failures.publish({ realm, ...told } satisfies FailedTokenMessage);
}

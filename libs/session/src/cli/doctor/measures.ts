import { randomBytes } from 'node:crypto';
import type { RedisClient } from '../../redis/servers/boot-check.js';
import { withDeadline } from '../../basics/deadline.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { mintToken, newSessionId, userRefOf } from '../../token/session-token.js';
import { bad, type Finding, ok } from './finding.js';

/** So long is an answer waited for here, however short the deadline of a request is. */
export const PATIENCE_MS = 5_000;
const MOST_CALLS = 100;
const LONGEST_MEASURE_MS = 1_000;
const CLOCK_WARN_MS = 1_000;
const CLOCK_FAIL_MS = 30_000;

export interface Latency {
  readonly calls: number;
  /** Calls that failed, or got no answer in time. */
  readonly missed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the first that failed said. */
  readonly problem?: string;
}

/** Calls one after the other, for two seconds at most. */
export async function measure(call: () => Promise<unknown>, most = MOST_CALLS): Promise<Latency> {
  const times: number[] = [];
  let missed = 0;
  let problem: string | undefined;
  const until = performance.now() + LONGEST_MEASURE_MS;
  while (times.length < most && performance.now() < until) {
    const from = performance.now();
    try {
      await withDeadline(call(), PATIENCE_MS);
    } catch (error) {
      missed += 1;
      problem ??= reasonOf(error);
    }
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [rounded(at(times, 0.5)), rounded(at(times, 0.99))];
  return { calls: times.length, missed, p50Ms, p99Ms, ...(problem === undefined ? {} : { problem }) };
}

/** What lies behind a 503 is in its cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = Object(error) as { cause?: unknown };
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0] ?? '';
}

export function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** A check of a session that nobody has: it reads what every request reads, and writes nothing. */
export function checkOfNobody(repository: SessionRepository): () => Promise<unknown> {
  const userRef = userRefOf(`nobody-${randomBytes(8).toString('hex')}`);
  const proof = mintToken({ userRef, sessionId: newSessionId() });
  return () => repository.authenticate(proof, { touchIfRoles: [], quotas: [] });
}

/** How a latency stands against the deadline of a request. */
export function latency(
  check: 'latency' | 'check',
  measured: Latency,
  { of, deadlineMs }: { readonly of: string; readonly deadlineMs: number },
): Finding {
  const { p50Ms, p99Ms, missed, calls, problem } = measured;
  const what = `${of}: p50 ${p50Ms} ms, p99 ${p99Ms} ms, of ${calls}; the deadline is ${deadlineMs} ms`;
  const values = { ...measured, deadlineMs };
  if (missed === 0 && p99Ms < deadlineMs / 2) return ok(check, what, values);
  const isLate = missed > 0 || p99Ms >= deadlineMs;
  return bad(isLate ? 'fail' : 'warn', check, {
    what: missed > 0 ? `${what}; ${missed} failed (${problem})` : what,
    why: isLate
      ? 'Requests get 503 when Redis answers later than commandTimeoutMs'
      : 'Little is left until requests get 503: more than half of commandTimeoutMs is used up',
    remedy:
      'Bring Redis nearer to this machine, look for slow commands (SLOWLOG GET), or raise commandTimeoutMs',
    values,
  });
}

/** By how much this machine's clock and Redis's differ. */
export async function clock(client: RedisClient, now: () => number = Date.now): Promise<Finding> {
  let best = { roundTripMs: Infinity, differenceMs: 0 };
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    const before = now();
    const [seconds = 0, micros = 0] = (await client.time()).map(Number);
    const roundTripMs = performance.now() - from;
    const differenceMs = seconds * 1_000 + micros / 1_000 - (before + roundTripMs / 2);
    if (roundTripMs < best.roundTripMs) best = { roundTripMs, differenceMs };
  }
  const differenceMs = Math.round(best.differenceMs);
  const values = { differenceMs, uncertaintyMs: Math.ceil(best.roundTripMs / 2) };
  const off = Math.abs(differenceMs);
  const what =
    off < CLOCK_WARN_MS
      ? `within ${Math.max(1, off)} ms of this machine's`
      : `${off} ms ${differenceMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  if (off < CLOCK_WARN_MS) return ok('clock', what, values);
  return bad(off < CLOCK_FAIL_MS ? 'warn' : 'fail', 'clock', {
    what,
    why: "Redis's clock ends sessions and blocks; JWTs and `until` go by this machine's",
    remedy: 'Run NTP (chrony, systemd-timesyncd) on both machines',
    values,
  });
}

import { randomBytes } from 'node:crypto';
import { isClient, openClient } from '../redis/servers/client-options.js';
import { whenReady } from '../redis/servers/boot-check.js';
import { at, PATIENCE_MS, rounded } from './doctor/measures.js';
import { withServices } from './services.js';
import type { CliSettings } from './settings.js';
import { EXIT, type ExitCode, jsonLine, table, type Terminal, UsageError } from './terminal.js';

const MOST_SECONDS = 60;
const AT_ONCE = 32;
/** Longer ones than the app's, for keys of this run alone. */
const LONGEST_PREFIX = 64;

interface Measured {
  readonly what: string;
  readonly inFlight: number;
  readonly calls: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * What a check costs on this machine and this Redis, beside a PING: one call at a time, which is what a request waits for,
 * and 32 at a time, which is what a busy process gets through. It makes a user under a prefix of its own, and erases it.
 */
export async function bench(
  { options, storage, place }: CliSettings,
  { seconds: given, json }: { readonly seconds?: string; readonly json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const seconds = Number(given ?? '4');
  if (!(seconds >= 0.2 && seconds <= MOST_SECONDS))
    throw new UsageError(`--seconds is a number from 0.2 to ${MOST_SECONDS}`);
  const forMs = (seconds * 1_000) / 4;
  const keyPrefix = `${storage.keyPrefix}:bench-${randomBytes(4).toString('hex')}`.slice(-LONGEST_PREFIX);
  const isOwned = !isClient(storage.redis);
  const client = isClient(storage.redis) ? storage.redis : openClient(storage.redis, PATIENCE_MS);
  const { userDirectory: _directory, maxStateAge: _age, userDirectoryTimeout: _timeout, ...rest } = options;
  try {
    const failure = await whenReady(client.on('error', ignore), PATIENCE_MS);
    if (failure) throw new UsageError(`Redis cannot be reached: ${failure.message}`);
    const results = await withServices({ ...rest, keyPrefix }, async ({ sessions, users }) => {
      const userId = 'bench';
      try {
        const { token } = await sessions.create(userId);
        const ping = () => client.ping();
        const check = () => sessions.authenticate(token);
        for (const warmUp of [ping, check]) await measure('', 1, { call: warmUp, forMs: forMs / 10 });
        return [
          await measure('PING', 1, { call: ping, forMs }),
          await measure('check', 1, { call: check, forMs }),
          await measure('PING', AT_ONCE, { call: ping, forMs }),
          await measure('check', AT_ONCE, { call: check, forMs }),
        ];
      } finally {
        await users.erase(userId);
      }
    });
    terminal.out(json ? jsonLine({ redis: place, results }) : textOf(results, place));
    return EXIT.ok;
  } finally {
    if (isOwned) client.disconnect();
  }
}

async function measure(
  what: string,
  inFlight: number,
  { call, forMs }: { readonly call: () => Promise<unknown>; readonly forMs: number },
): Promise<Measured> {
  const times: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + forMs;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const from = performance.now();
      await call();
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const tookMs = performance.now() - startedAt;
  times.sort((a, b) => a - b);
  const perSecond = Math.round((times.length / tookMs) * 1_000);
  const [p50Ms, p99Ms] = [rounded(at(times, 0.5)), rounded(at(times, 0.99))];
  return { what, inFlight, calls: times.length, perSecond, p50Ms, p99Ms };
}

function textOf(results: readonly Measured[], place: string): string {
  const rows = results.map(({ what, inFlight, calls, perSecond, p50Ms, p99Ms }) =>
    [what, inFlight, p50Ms, p99Ms, perSecond, calls].map(String),
  );
  return `${place}\n${table(['CALL', 'AT ONCE', 'P50 MS', 'P99 MS', 'PER SECOND', 'CALLS'], rows)}`;
}

function ignore(): void {}

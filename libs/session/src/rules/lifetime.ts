import type { Duration } from '../basics/duration.js';
import { toMilliseconds } from '../basics/duration.js';
import type { Lifetime } from '../model/session.js';

/**
 * Session lifetimes that NIST SP 800-63B-4 §2.1.3–2.3.3 asks for at each assurance level. AAL1 has no inactivity
 * requirement in the standard; ours is 14 days.
 * @example
 * ```ts
 * const hours = LIFETIME_PRESETS.aal2.absoluteTimeoutMs / 3_600_000; // 24
 * ```
 * @publicApi
 */
export const LIFETIME_PRESETS = {
  aal1: { inactivityTimeoutMs: 14 * 86_400_000, absoluteTimeoutMs: 30 * 86_400_000 },
  aal2: { inactivityTimeoutMs: 3_600_000, absoluteTimeoutMs: 24 * 3_600_000 },
  aal3: { inactivityTimeoutMs: 15 * 60_000, absoluteTimeoutMs: 12 * 3_600_000 },
} as const satisfies Record<string, Lifetime>;

/** A preset after NIST SP 800-63B-4, or two timeouts. @publicApi */
export type LifetimeOption =
  | keyof typeof LIFETIME_PRESETS
  | {
      /** Time without a request after which the session ends (ASVS 7.3.1), at most 49 days. `0`: no such timeout. */
      readonly inactivityTimeout: Duration;
      /** Time since the last authentication after which the session ends (ASVS 7.3.2), 1 ms–400 days. */
      readonly absoluteTimeout: Duration;
    };

/** The largest inactivity timeout a session record can hold: 49 days. */
export const MAX_INACTIVITY_TIMEOUT_MS = 2 ** 32 - 1;
/** The largest absolute timeout that is accepted: 400 days, the longest that browsers keep a cookie (RFC 6265bis). */
export const MAX_ABSOLUTE_TIMEOUT_MS = 400 * 86_400_000;

/**
 * The two timeouts in milliseconds.
 * @throws RangeError when a timeout is no duration, is out of range, or inactivity is longer than absolute
 */
export function resolveLifetime(option: LifetimeOption): Lifetime {
  if (typeof option === 'string') {
    const preset = Object.hasOwn(LIFETIME_PRESETS, option) ? LIFETIME_PRESETS[option] : undefined;
    if (!preset) throw new RangeError(`unknown preset '${String(option)}': use 'aal1', 'aal2' or 'aal3'`);
    return preset;
  }
  const inactivityTimeoutMs = toMilliseconds(option.inactivityTimeout);
  const absoluteTimeoutMs = toMilliseconds(option.absoluteTimeout);
  if (absoluteTimeoutMs < 1 || absoluteTimeoutMs > MAX_ABSOLUTE_TIMEOUT_MS) {
    throw new RangeError('absoluteTimeout must be between 1 ms and 400 days');
  }
  if (inactivityTimeoutMs > Math.min(absoluteTimeoutMs, MAX_INACTIVITY_TIMEOUT_MS)) {
    throw new RangeError('inactivityTimeout must not be longer than absoluteTimeout, nor than 49 days');
  }
  return { inactivityTimeoutMs, absoluteTimeoutMs };
}

/** The strictest of a session's own lifetime and those of the user's roles of this moment. */
export function effectiveLifetime(
  own: Lifetime,
  roles: readonly string[],
  roleLifetimes: ReadonlyMap<string, Lifetime>,
): Lifetime {
  if (roleLifetimes.size === 0) return own;
  let { inactivityTimeoutMs, absoluteTimeoutMs } = own;
  for (const role of roles) {
    const limit = roleLifetimes.get(role);
    if (!limit) continue;
    absoluteTimeoutMs = Math.min(absoluteTimeoutMs, limit.absoluteTimeoutMs);
    inactivityTimeoutMs = stricterInactivity(inactivityTimeoutMs, limit.inactivityTimeoutMs);
  }
  return { inactivityTimeoutMs, absoluteTimeoutMs };
}

function stricterInactivity(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

/** The instants at which a session ends: by inactivity or not at all before `absoluteExpiresAt`. */
export function expiryOf(
  times: { readonly lastSeenAt: number; readonly authenticatedAt: number },
  lifetime: Lifetime,
): { expiresAt: number; absoluteExpiresAt: number } {
  const absoluteExpiresAt = times.authenticatedAt + lifetime.absoluteTimeoutMs;
  const inactiveAt =
    lifetime.inactivityTimeoutMs === 0 ? Infinity : times.lastSeenAt + lifetime.inactivityTimeoutMs;
  return { expiresAt: Math.min(inactiveAt, absoluteExpiresAt), absoluteExpiresAt };
}

/** When an access token ends: by its own time, or with its session. */
export function accessTokenEnd(
  session: { readonly expiresAt: number },
  issued: { readonly at: number; readonly ttlMs: number },
): number {
  return Math.min(issued.at + issued.ttlMs, session.expiresAt);
}

/**
 * After how long a request counts as new activity that is worth a write: the setting, but at most a twentieth of the
 * inactivity timeout, so that a session never ends more than 5 % too early.
 */
export function touchAfterMs(lifetime: Lifetime, touchIntervalMs: number): number {
  if (lifetime.inactivityTimeoutMs === 0) return touchIntervalMs;
  return Math.min(touchIntervalMs, Math.floor(lifetime.inactivityTimeoutMs / 20));
}

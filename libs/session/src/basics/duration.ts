/** A length of time: milliseconds, or a number with its unit such as `'90s'`, `'10m'`, `'1.5h'`, `'30d'`. @publicApi */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Of what is no duration, as much as helps to find it. */
const LONGEST_QUOTED = 64;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * The duration in whole milliseconds.
 * @throws RangeError when it is no finite, non-negative length of time
 */
export function toMilliseconds(duration: Duration): number {
  const match = typeof duration === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : undefined;
  const ms =
    typeof duration === 'number'
      ? duration
      : match
        ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
        : NaN;
  if (!Number.isFinite(ms) || ms < 0) {
    throw new RangeError(
      `${quoted(duration)} is not a duration: use milliseconds, or '90s', '10m', '1h', '30d'`,
    );
  }
  return Math.round(ms);
}

function quoted(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST_QUOTED));
  return typeof value === 'number' || value == null ? String(value) : `What is of type ${typeof value}`;
}

/** How a finding stands: `skipped` was not looked at, and says why. @publicApi */
export type FindingLevel = 'ok' | 'warn' | 'fail' | 'skipped';

/** One thing that `latchkey doctor` looked at. @publicApi */
export interface Finding {
  /** What was looked at, such as `eviction`. */
  readonly check: string;
  readonly level: FindingLevel;
  /** What was found. */
  readonly what: string;
  /** Why it matters; absent where all is well. */
  readonly why?: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** What was measured, by name; durations in milliseconds, sizes in bytes. */
  readonly values?: Readonly<Record<string, string | number>>;
}

/** What `latchkey doctor --json` prints. @publicApi */
export interface DoctorReport {
  /** Host, port and database, without user name and password. */
  readonly redis: string;
  /** The worst of all findings. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly findings: readonly Finding[];
}

export function ok(check: string, what: string, values?: Finding['values']): Finding {
  return { check, level: 'ok', what, ...(values ? { values } : {}) };
}

export function skipped(check: string, what: string): Finding {
  return { check, level: 'skipped', what };
}

export function bad(
  level: 'warn' | 'fail',
  check: string,
  more: Pick<Finding, 'what' | 'why' | 'remedy' | 'values'>,
): Finding {
  return { check, level, ...more };
}

/** The worst level of all. */
export function worstOf(findings: readonly Finding[]): DoctorReport['level'] {
  const levels = new Set(findings.map(({ level }) => level));
  return levels.has('fail') ? 'fail' : levels.has('warn') ? 'warn' : 'ok';
}

/** What Redis says to a user who may not do it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}

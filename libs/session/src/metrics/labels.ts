import { ERROR_CODES } from '../model/error-codes.js';
import { ACTS } from '../telemetry/messages.js';

/** How many values a label may have that no table bounds: more are all `other`. */
const MOST_VALUES = 100;
export const OTHER = 'other';

const CODES = [...Object.keys(ERROR_CODES), 'unexpected'];

/**
 * The values of each label: those of a table, or (`null`) the first hundred that come, such as the names that an app gives
 * its quotas. Anything else is `other`. Of users, sessions, tokens and addresses there is no label.
 */
const LABELS = {
  realm: null,
  context: ['http', 'graphql', 'rpc', 'handshake', 'message', 'recheck', 'direct'],
  decision: ['permit', 'deny', 'error'],
  reason: ['none', ...CODES],
  act: Object.keys(ACTS),
  outcome: ['ok', 'timeout', 'refused', 'lost', ...CODES],
  change: ['created', 'refreshed', 'ended'],
  cause: ['login', 'guest', 'refresh', 'logout', 'revoked', 'evicted', 'refresh_reused', 'blocked', 'erased'],
  script: null,
  quota: null,
  token: ['session', 'refresh', 'one_time'],
  failure: ['malformed', 'unknown'],
  code: null,
  result: ['confirmed', 'expired'],
} as const satisfies Readonly<Record<string, readonly string[] | null>>;

export type LabelName = keyof typeof LABELS;

/** Keeps every label's set of values bounded. */
export class BoundedLabels {
  private readonly values = new Map<LabelName, Set<string>>();

  of(name: LabelName, value: string): string {
    const table: readonly string[] | null = LABELS[name];
    let known = this.values.get(name);
    if (!known) this.values.set(name, (known = new Set(table ?? [])));
    if (known.has(value)) return value;
    if (table || known.size >= MOST_VALUES) return OTHER;
    known.add(value);
    return value;
  }
}

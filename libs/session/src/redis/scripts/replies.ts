import { SessionError } from '../../model/session-error.js';
import type { UserReply } from '../records/user-record.js';

/** What replies are made of. A name has one type, whichever script answers it. */
export interface ReplyValues {
  readonly data: Buffer;
  readonly device: Buffer | null;
  /** 0: there is no user's record. */
  readonly epoch: number;
  readonly evicted: readonly Buffer[];
  readonly expiresAt: number;
  /** The fields of a user's hash with their values in turns. */
  readonly fields: readonly Buffer[];
  /** When the data of a session may go. */
  readonly keepUntil: number;
  readonly now: number;
  readonly payload: Buffer;
  readonly record: Buffer;
  readonly rotatedAt: number;
  readonly salt: Buffer;
  /** How many the act ended. */
  readonly sessions: number;
  readonly subject: Buffer;
  readonly tokenEndsAt: number;
  readonly user: UserReply;
  readonly userId: Buffer;
  readonly version: number;
}

type Shapes = Readonly<Record<string, readonly (keyof ReplyValues)[]>>;

/**
 * What scripts may answer: by its kind, which is the reply's first word, the names of the values behind it. A test compares
 * them with the scripts. `authenticate` answers one packed string instead (lua/include/facts.lua).
 */
export const REPLIES = {
  createSession: {
    created: ['now', 'record', 'user', 'evicted'],
    user_blocked: ['now', 'user'],
    user_unknown: [],
    epoch_changed: [],
    session_limit_reached: [],
    user_mismatch: [],
  },
  listSessions: { found: ['now', 'user', 'fields'], unknown: [] },
  revokeAll: { revoked: ['version', 'epoch', 'sessions'], user_unknown: [], refused: [] },
  replaceToken: { replaced: ['now', 'record', 'device', 'user', 'sessions'], refused: [] },
  refresh: {
    refreshed: ['now', 'record', 'device', 'user', 'salt', 'rotatedAt', 'tokenEndsAt'],
    reused: ['now', 'record', 'device', 'user'],
    user_blocked: ['now', 'user'],
    load: ['userId'],
    unknown: [],
    revoked: [],
    expired: [],
  },
  readData: { found: ['version', 'payload'], proven: [], refused: [] },
  writeData: {
    written: ['version'],
    version_conflict: ['version', 'payload'],
    proven: ['keepUntil'],
    refused: [],
  },
  dataAlone: {
    found: ['version', 'payload'],
    written: ['version'],
    version_conflict: ['version', 'payload'],
  },
  readUser: { found: ['now', 'user'], unknown: [] },
  makeUser: { changed: ['now', 'user', 'sessions'], version_conflict: ['now', 'user'] },
  changeUser: {
    changed: ['now', 'user', 'sessions'],
    version_conflict: ['now', 'user'],
    outdated: ['now', 'user'],
    user_unknown: [],
    block_in_past: [],
    user_mismatch: [],
  },
  exportUser: { found: ['now', 'user', 'fields'], unknown: ['now', 'fields'] },
  finishLoad: { stored: [], void: [], user_mismatch: [] },
  issueOneTimeToken: { issued: ['expiresAt'], epoch_changed: [], user_mismatch: [] },
  consumeOneTimeToken: {
    consumed: ['subject', 'data', 'epoch', 'version'],
    proven: ['subject', 'data', 'epoch'],
    unknown: [],
  },
  settleOneTimeToken: { settled: ['epoch', 'version'], unknown: [] },
} as const satisfies Readonly<Record<string, Shapes>>;

type Named<Table extends Shapes> = {
  [Kind in keyof Table]: { readonly kind: Kind } & Pick<ReplyValues, Table[Kind][number]>;
}[keyof Table];

/** A reply of a script: its kind says which values it has. */
export type ReplyOf<Name extends keyof typeof REPLIES> = Name extends unknown
  ? Named<(typeof REPLIES)[Name]>
  : never;

/** A reply to the whole of a call: `proven` is what a script answers to one of its keys alone. */
export function settled<Reply extends { readonly kind: string }>(
  reply: Reply,
): Exclude<Reply, { readonly kind: 'proven' }> {
  if (reply.kind === 'proven') throw new Error('The script answered a proof for what it was asked');
  return reply as Exclude<Reply, { readonly kind: 'proven' }>;
}

/** @throws SessionError `session_store_unavailable` for what this script does not answer */
export function namedReply<Name extends keyof typeof REPLIES>(name: Name, reply: unknown): ReplyOf<Name> {
  const [first, ...values] = reply as readonly [Buffer, ...unknown[]];
  const kind = String(first);
  const shapes: Shapes = REPLIES[name];
  const names = Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
  if (names?.length !== values.length) {
    const cause = new Error(`The script ${name} answered ${kind} with ${values.length} values`);
    throw new SessionError('session_store_unavailable', { cause });
  }
  const named: Record<string, unknown> = { kind };
  names.forEach((value, i) => (named[value] = values[i]));
  return named as ReplyOf<Name>;
}

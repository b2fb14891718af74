import { SessionError } from '../../model/session-error.js';
import type { ArgumentsOf, ScriptArgument, SCRIPTS } from '../lua/script.js';
import { readSessionRecord } from '../records/session-record.js';
import { readUserRecord, type UserRecord } from '../records/user-record.js';
import type { REPLIES, ReplyOf } from './replies.js';

export type ScriptName = keyof typeof SCRIPTS;
type Answer<Name extends ScriptName> = Name extends keyof typeof REPLIES ? ReplyOf<Name> : unknown;
type Arguments<Name extends ScriptName> = ArgumentsOf<(typeof SCRIPTS)[Name]>;

/** Calls a script on the keys of one user with the first of its keys alone. */
export type Alone = <Name extends ScriptName>(
  name: Name,
  args: Readonly<Record<string, ScriptArgument>>,
) => Promise<Answer<Name>>;

type Rows = {
  readonly [Name in ScriptName]?: (alone: Alone, args: Arguments<Name>) => Promise<Answer<Name>>;
};

/**
 * Whether a call was refused, and did not run, because its keys are on two servers or one of them is not there, while a
 * Cluster moves their slot: what needs one key is served all the same. Such a state may last, if a move was broken off.
 */
export function isSlotOpen(error: unknown): boolean {
  if (!(error instanceof SessionError) || !(error.cause instanceof Error)) return false;
  return /^TRYAGAIN|^Too many Cluster redirections/.test(error.cause.message);
}

/**
 * How each script that takes several keys of a user goes key by key then. The user's own hash decides, and what is kept
 * beside it goes before or after in the order that permits nothing: what was left over is void, or is swept later.
 */
export const KEY_BY_KEY: Rows = {
  // Of the data of sessions they only tidy up.
  refresh: (alone, args) => alone('refresh', args),
  revokeSession: (alone, args) => alone('revokeSession', args),
  sweepSessions: (alone, args) => alone('sweepSessions', args),

  async createSession(alone, args) {
    const reply = await alone('createSession', { ...args, data: '' });
    if (reply.kind === 'created' && args.data !== '') {
      const { sessionId, data: payload, absoluteTimeoutMs: keepForMs } = args;
      // The version that the script would have given it, as who takes over a guest's data knows.
      await data(alone, 'write', { sessionId, payload, keepForMs, beginsAt: reply.now });
    }
    return reply;
  },

  async replaceToken(alone, args) {
    const reply = await alone('replaceToken', args);
    if (reply.kind === 'replaced') {
      const { authenticatedAt, absoluteTimeoutMs } = readSessionRecord(reply.record);
      await data(alone, 'keep', {
        sessionId: args.sessionId,
        keepUntil: authenticatedAt + absoluteTimeoutMs,
      });
    }
    return reply;
  },

  async readData(alone, args) {
    const found = await data(alone, 'read', args);
    // After it was read: the session that it is of was live then.
    const proof = await alone('readData', args);
    return proof.kind === 'proven' ? found : proof;
  },

  writeData: (alone, args) => (args.endReason === '' ? writeData(alone, args) : endForData(alone, args)),

  /** Bound to the epoch that it was asked for at: if that is over by now, the token is void. */
  async issueOneTimeToken(alone, args) {
    const user = await userOf(alone);
    if (user && user.id !== args.subject) return { kind: 'user_mismatch' };
    return alone('issueOneTimeToken', { ...args, epoch: user?.epoch ?? 0 });
  },

  /** Taken out first, so that nobody else gets it, and lost if then the user's hash cannot be asked. */
  async consumeOneTimeToken(alone, args) {
    const taken = await alone('consumeOneTimeToken', args);
    if (taken.kind !== 'proven') return taken;
    const { subject, epoch, data: ofToken } = taken;
    const settled = await alone('settleOneTimeToken', { ...args, subject, epoch });
    return settled.kind === 'settled'
      ? { kind: 'consumed', subject, data: ofToken, epoch: settled.epoch, version: settled.version }
      : settled;
  },

  async revokeOneTimeTokens(alone, args) {
    return alone('revokeOneTimeTokens', { ...args, epoch: (await userOf(alone))?.epoch ?? 0 });
  },
};

async function userOf(alone: Alone): Promise<UserRecord | undefined> {
  const reply = await alone('readUser', {});
  return reply.kind === 'found' ? readUserRecord(reply.user) : undefined;
}

type OfData<Operation> = Operation extends 'write'
  ? Exclude<ReplyOf<'dataAlone'>, { readonly kind: 'found' }>
  : Extract<ReplyOf<'dataAlone'>, { readonly kind: 'found' }>;

/** The data's own key, for a caller who has proved that it may. */
async function data<Operation extends 'read' | 'write' | 'forget' | 'keep'>(
  alone: Alone,
  operation: Operation,
  args: Partial<Arguments<'dataAlone'>>,
): Promise<OfData<Operation>> {
  return (await alone('dataAlone', { ...args, operation })) as OfData<Operation>;
}

async function writeData(alone: Alone, args: Arguments<'writeData'>): Promise<ReplyOf<'writeData'>> {
  const proof = await alone('writeData', args);
  if (proof.kind !== 'proven') return proof;
  const written = await data(alone, 'write', { ...args, keepUntil: proof.keepUntil });
  if (written.kind !== 'written') return written;
  // A session that has ended meanwhile leaves nothing.
  const still = await alone('writeData', args);
  if (still.kind === 'proven') return written;
  await data(alone, 'forget', args);
  return still;
}

async function endForData(alone: Alone, args: Arguments<'writeData'>): Promise<ReplyOf<'writeData'>> {
  const proof = await alone('writeData', { ...args, endReason: '' });
  if (proof.kind !== 'proven') return proof;
  const { version, payload } = await data(alone, 'read', args);
  if (version !== Number(args.ifVersion)) return { kind: 'version_conflict', version, payload };
  const ended = await alone('writeData', args);
  if (ended.kind === 'written') await data(alone, 'forget', args);
  return ended;
}

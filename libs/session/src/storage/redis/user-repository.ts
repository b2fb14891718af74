import { END_REASONS, type Session } from '../../model/session.js';
import type { StoredData } from '../../model/session-data.js';
import type { UserState } from '../../model/user-state.js';
import { readSessionRecord } from '../../redis/records/session-record.js';
import type { ReplyOf } from '../../redis/scripts/replies.js';
import type { UserScripts } from '../../redis/scripts/users.js';
import { isSessionId, userRefOf } from '../../token/session-token.js';
import { roleLifetimesArgument } from './arguments.js';
import type { ActMemory, RememberedErasure, RememberedUser } from './recovery/act-memory.js';
import type { StateAge } from './recovery/state-age.js';
import { unexpected } from './distrust.js';
import { toSession, toUserOf, toUserState, writeIpAllowlist } from './replies.js';
import type { RepositorySettings } from '../contract/session-repository.js';
import {
  type KeptOfUser,
  type KeptSession,
  LOAD_TERM_MS,
  type LoadedUser,
  newEpoch,
  type UserChange,
  type UserChangeOutcome,
  type UserRepository,
} from '../contract/user-repository.js';

/** The records of users in Redis: each is part of the one hash of its user. */
export class RedisUserRepository implements UserRepository {
  private readonly roleLifetimes: string;

  constructor(
    private readonly scripts: UserScripts,
    private readonly settings: RepositorySettings,
    private readonly stateAge: StateAge,
    private readonly acts: ActMemory,
  ) {
    this.roleLifetimes = roleLifetimesArgument(settings);
  }

  async read(userId: string): Promise<UserState | undefined> {
    const reply = await this.scripts.read(userRefOf(userId), {
      maxStateAgeMs: this.stateAge.argument,
    });
    return reply.kind === 'unknown' ? undefined : toUserOf(userId, reply.user, reply.now);
  }

  async change(change: UserChange): Promise<UserChangeOutcome> {
    const { userId, ifVersion } = change;
    if (ifVersion === 'absent') return this.make(change);
    const outcome = toChangeOutcome(
      await this.scripts.change(userRefOf(userId), {
        userId,
        ifVersion: ifVersion === 'any' ? '' : ifVersion,
        roles: change.roles?.join(' ') ?? '~',
        block: change.block === undefined ? 'keep' : change.block === null ? 'clear' : 'set',
        ...blockArguments(change.block),
        sourceVersion: change.sourceVersion ?? '',
        isWhole: change.isWhole ? 1 : 0,
        ipAllowlist: ipAllowlistArgument(change.ipAllowlist),
        roleLifetimes: this.roleLifetimes,
      }),
    );
    this.remember(outcome);
    if (ifVersion !== 'any' || outcome.outcome !== 'version_conflict') return outcome;
    const made = await this.make(change);
    return made.outcome === 'version_conflict' ? this.change(change) : made;
  }

  async export(userId: string): Promise<KeptOfUser> {
    return toKeptOfUser(userId, await this.scripts.export(userRefOf(userId)), this.settings);
  }

  async erase(userId: string): Promise<number> {
    const args = { roleLifetimes: this.roleLifetimes, madeBefore: '' } as const;
    const { live, madeBefore } = await this.scripts.erase(userRefOf(userId), args);
    this.acts.erased({ userId, madeBefore });
    return live;
  }

  /** Forgets a user again who has come back with older data, and nobody who was made since. */
  eraseAgain({ userId, madeBefore }: RememberedErasure): Promise<void> {
    const args = { roleLifetimes: this.roleLifetimes, madeBefore };
    return this.scripts.eraseAgain(userRefOf(userId), args);
  }

  async beginLoad(userId: string, nonce: string): Promise<string> {
    const userRef = userRefOf(userId);
    const load = { nonce, forMs: LOAD_TERM_MS };
    const standing = await this.scripts.beginReload(userRef, load);
    return String(standing.length > 0 ? standing : await this.scripts.beginLoad(userRef, load));
  }

  async finishLoad(loaded: LoadedUser, nonce: string): Promise<boolean> {
    const { kind } = await this.scripts.finishLoad(userRefOf(loaded.userId), {
      nonce,
      userId: loaded.userId,
      roles: loaded.roles.join(' '),
      block: loaded.block ? 'set' : 'keep',
      ...blockArguments(loaded.block),
      sourceVersion: loaded.sourceVersion ?? '',
      ipAllowlist: ipAllowlistArgument(loaded.ipAllowlist),
      newEpoch: newEpoch(),
    });
    if (kind === 'user_mismatch') throw unexpected(kind);
    return kind === 'stored';
  }

  /** Gives a record that is older what is known of it, each part by the version of the act that told it. */
  async restore({ id, version, epoch, whole }: RememberedUser): Promise<void> {
    if (whole) await this.give({ id, version: whole.version, epoch: whole.epoch, whole });
    if (whole?.version !== version) await this.give({ id, version, epoch });
  }

  private async give({ id, version, epoch, whole }: RememberedUser): Promise<void> {
    await this.scripts.restore(userRefOf(id), {
      userId: id,
      version,
      epoch,
      roles: whole?.roles.join(' ') ?? '~',
      block: !whole ? 'keep' : whole.block ? 'set' : 'clear',
      ...blockArguments(whole?.block),
      ipAllowlist: ipAllowlistArgument(whole && (whole.ipAllowlist ?? null)),
      sourceVersion: whole?.sourceVersion ?? '',
      newEpoch: newEpoch(),
      isTimed: this.stateAge.isTimed ? 1 : 0,
    });
  }

  private remember(outcome: UserChangeOutcome): void {
    if (outcome.outcome !== 'changed') return;
    const { user } = outcome;
    this.acts.changed({ ...user, whole: user });
  }

  private async make(change: UserChange): Promise<UserChangeOutcome> {
    const outcome = toChangeOutcome(
      await this.scripts.make(userRefOf(change.userId), {
        userId: change.userId,
        roles: change.roles?.join(' ') ?? '',
        block: change.block ? 'set' : 'keep',
        ...blockArguments(change.block),
        sourceVersion: change.sourceVersion ?? '',
        ipAllowlist: ipAllowlistArgument(change.ipAllowlist),
        newEpoch: newEpoch(),
        isTimed: this.stateAge.isTimed ? 1 : 0,
      }),
    );
    // Users who have only just come are no acts, and would push those out.
    if (!change.isInitial) this.remember(outcome);
    return outcome;
  }
}

function toChangeOutcome(reply: ReplyOf<'changeUser' | 'makeUser'>): UserChangeOutcome {
  if (reply.kind === 'user_mismatch') throw unexpected(reply.kind);
  if (reply.kind === 'user_unknown') return { outcome: 'version_conflict' };
  if (reply.kind === 'block_in_past') return { outcome: reply.kind };
  const user = toUserState(reply.user, reply.now);
  return reply.kind === 'changed'
    ? { outcome: reply.kind, user, sessions: reply.sessions }
    : { outcome: reply.kind, user };
}

function blockArguments(block: UserChange['block']) {
  return {
    blockReason: block?.reason ?? '',
    blockUntil: block?.until ?? '',
    blockBy: block?.by ?? '',
  };
}

function ipAllowlistArgument(ipAllowlist: UserChange['ipAllowlist']): string {
  if (ipAllowlist === undefined) return '~';
  return ipAllowlist === null ? '-' : writeIpAllowlist(ipAllowlist);
}

/** Where an ended session's 64 bytes say why it ended; 0 for one that goes on. */
const END_AT = 63;
const VERSION_BYTES = 6;

function toKeptOfUser(
  userId: string,
  { ofUser: reply, payloads: ofSessions, tokens }: Awaited<ReturnType<UserScripts['export']>>,
  settings: RepositorySettings,
): KeptOfUser {
  const { now } = reply;
  const fields = inTurns(reply.fields);
  const quotas = [...fields].flatMap(([field, tat]) => {
    const [, name, sessionId] = /^q:([^/]+)(?:\/(.+))?$/.exec(field) ?? [];
    const fullAt =
      name === undefined ? 0 : Math.ceil((tat.readUIntBE(0, 3) * 2 ** 32 + tat.readUInt32BE(3)) / 1_000);
    if (name === undefined || fullAt <= now) return [];
    return [{ name, ...(sessionId === undefined ? {} : { sessionId }), fullAt }];
  });
  const oneTimeTokens = Array.from({ length: tokens.length / 3 }, (_, i) => ({
    purpose: String(tokens[3 * i]),
    issuedAt: Number(tokens[3 * i + 1]),
    expiresAt: Number(tokens[3 * i + 2]),
  }));
  if (reply.kind === 'unknown') return { sessions: [], quotas, oneTimeTokens };
  const user = toUserOf(userId, reply.user, now);
  const payloads = inTurns(ofSessions);
  const sessions: KeptSession[] = [];
  for (const [id, record] of fields) {
    if (!isSessionId(id)) continue;
    const session = toSession({ id, record, device: fields.get(`${id}:d`) ?? null }, user, settings);
    const status = statusOf(record, { session, user, now });
    const data = payloads.get(id);
    sessions.push({ session, status, ...(data ? { data: toStoredData(data) } : {}) });
  }
  sessions.sort(({ session: a }, { session: b }) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  return { user, sessions, quotas, oneTimeTokens };
}

function statusOf(
  record: Buffer,
  { session, user, now }: { readonly session: Session; readonly user: UserState; readonly now: number },
): KeptSession['status'] {
  const { ended, epoch } = readSessionRecord(record);
  if (ended) {
    const code = record.readUInt8(END_AT);
    return Object.values(END_REASONS).find((rules) => rules.code === code)?.status ?? 'revoked';
  }
  if (epoch !== user.epoch) return 'revoked';
  return now < session.expiresAt ? 'live' : 'expired';
}

function toStoredData(stored: Buffer): StoredData {
  return { version: stored.readUIntBE(0, VERSION_BYTES), payload: stored.subarray(VERSION_BYTES) };
}

/** The fields of a hash by their names. */
function inTurns(reply: readonly Buffer[]): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < reply.length; i += 2) fields.set(String(reply[i]), reply[i + 1] as Buffer);
  return fields;
}

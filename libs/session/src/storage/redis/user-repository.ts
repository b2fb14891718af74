import type { UserState } from '../../model/user-state.js';
import type { ReplyOf } from '../../redis/scripts/replies.js';
import type { UserScripts } from '../../redis/scripts/users.js';
import { userRefOf } from '../../token/session-token.js';
import { maxStateAgeArgument, roleLifetimesArgument } from './arguments.js';
import { unexpected } from './distrust.js';
import { toUserOf, toUserState, writeIpAllowlist } from './replies.js';
import type { RepositorySettings } from '../contract/session-repository.js';
import {
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
  private readonly maxStateAgeMs: number | '';

  constructor(
    private readonly scripts: UserScripts,
    settings: RepositorySettings,
  ) {
    this.roleLifetimes = roleLifetimesArgument(settings);
    this.maxStateAgeMs = maxStateAgeArgument(settings);
  }

  async read(userId: string): Promise<UserState | undefined> {
    const reply = await this.scripts.read(userRefOf(userId), { maxStateAgeMs: this.maxStateAgeMs });
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
    if (ifVersion !== 'any' || outcome.outcome !== 'version_conflict') return outcome;
    const made = await this.make(change);
    return made.outcome === 'version_conflict' ? this.change(change) : made;
  }

  async erase(userId: string): Promise<number> {
    return this.scripts.erase(userRefOf(userId), { roleLifetimes: this.roleLifetimes });
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

  private async make(change: UserChange): Promise<UserChangeOutcome> {
    return toChangeOutcome(
      await this.scripts.make(userRefOf(change.userId), {
        userId: change.userId,
        roles: change.roles?.join(' ') ?? '',
        block: change.block ? 'set' : 'keep',
        ...blockArguments(change.block),
        sourceVersion: change.sourceVersion ?? '',
        ipAllowlist: ipAllowlistArgument(change.ipAllowlist),
        newEpoch: newEpoch(),
        isTimed: this.maxStateAgeMs === '' ? 0 : 1,
      }),
    );
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

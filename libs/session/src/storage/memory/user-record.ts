import type { Block, UserState } from '../../model/user-state.js';
import { newEpoch, type UserChange } from '../contract/user-repository.js';

/** A user's record. `redis/lua/include/user-record.lua` describes the same one in Redis. */
export interface MemoryUser {
  readonly id: string;
  roles: readonly string[];
  /** Stays after it has run out, until it is lifted or replaced. */
  block?: Block;
  /** The only ranges that the user may come from. */
  ipAllowlist?: readonly string[];
  version: number;
  epoch: number;
  /** When the current epoch began. */
  epochAt: number;
  sourceVersion?: number;
  /** When the record was last in step with the app's own database. */
  loadedAt: number;
}

/** What a change does to a record, once it has been decided that it may. */
export type RecordChange = Pick<UserChange, 'roles' | 'block' | 'ipAllowlist' | 'sourceVersion'>;

/**
 * A record at a random epoch, so that one which was lost and made again never matches an old session. Versions begin
 * at the time, so that it goes on from a higher one.
 */
export function newMemoryUser(id: string, change: RecordChange, now: number): MemoryUser {
  const user: MemoryUser = { id, roles: [], version: now, epoch: newEpoch(), epochAt: now, loadedAt: now };
  applyChange(user, change, now);
  return user;
}

export function isBlocked(user: MemoryUser, now: number): boolean {
  return user.block !== undefined && (user.block.until === undefined || user.block.until > now);
}

/** A copy of the record for those outside. */
export function userStateOf(user: MemoryUser, now: number): UserState {
  const blocked = isBlocked(user, now);
  return {
    id: user.id,
    status: blocked ? 'blocked' : 'active',
    ...(blocked && user.block ? { block: { ...user.block } } : {}),
    roles: [...user.roles],
    ...(user.ipAllowlist ? { ipAllowlist: [...user.ipAllowlist] } : {}),
    version: user.version,
    epoch: user.epoch,
    ...(user.sourceVersion === undefined ? {} : { sourceVersion: user.sourceVersion }),
  };
}

export function startEpoch(user: MemoryUser, now: number): void {
  user.epoch += 1;
  user.epochAt = now;
}

/** Carries a change out, without its version: a block starts a new epoch, a change of roles does not. */
export function applyChange(user: MemoryUser, change: RecordChange, now: number): void {
  if (change.roles) user.roles = [...change.roles];
  if (change.block === null) delete user.block;
  else if (change.block) {
    const { reason, until, by } = change.block;
    user.block = { reason, ...(until === undefined ? {} : { until }), ...(by ? { by } : {}), at: now };
    startEpoch(user, now);
  }
  if (change.ipAllowlist === null) delete user.ipAllowlist;
  else if (change.ipAllowlist) user.ipAllowlist = [...change.ipAllowlist];
  if (change.sourceVersion !== undefined) user.sourceVersion = change.sourceVersion;
}

/** Whether the change would alter what the record says of the user. */
export function alters(user: MemoryUser, change: RecordChange): boolean {
  if (change.roles && change.roles.join(' ') !== user.roles.join(' ')) return true;
  if (change.ipAllowlist !== undefined && String(change.ipAllowlist) !== String(user.ipAllowlist ?? null)) {
    return true;
  }
  return change.block === null ? user.block !== undefined : change.block !== undefined;
}

/** Which of two sources of truth is ahead. With no source version on the record, there is nothing to lose to. */
export function compareSource(user: MemoryUser, sourceVersion: number): 'outdated' | 'equal' | 'newer' {
  if (user.sourceVersion === undefined || sourceVersion > user.sourceVersion) return 'newer';
  return sourceVersion === user.sourceVersion ? 'equal' : 'outdated';
}

/** A block whose end has passed, from another database, is none. */
export function withoutPastBlock(change: RecordChange, now: number): RecordChange {
  return change.block && (change.block.until ?? Infinity) <= now ? { ...change, block: null } : change;
}

/**
 * What is left of a change that may not loosen: roles go but never come, a block comes or grows but never goes, a
 * list comes where there is none: of two lists nobody can tell which is the tighter one.
 */
export function onlyTightening(user: MemoryUser, change: RecordChange, now: number): RecordChange {
  const { roles, block, ipAllowlist, ...rest } = change;
  return {
    ...rest,
    ...(roles ? { roles: user.roles.filter((role) => roles.includes(role)) } : {}),
    ...(block && !(isBlocked(user, now) && endOf(block) <= endOf(user.block)) ? { block } : {}),
    ...(ipAllowlist && !user.ipAllowlist ? { ipAllowlist } : {}),
  };
}

function endOf(block: { readonly until?: number } | undefined): number {
  return block?.until ?? Infinity;
}

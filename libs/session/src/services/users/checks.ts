import { anything, fieldsOf, type Inputs, version } from '../../basics/inputs.js';
import { SessionError } from '../../model/session-error.js';
import { parseIpList } from '../../rules/ip-address.js';
import { NAME_PATTERN } from '../../rules/roles.js';
import { durability } from '../events/acts.js';
import type { UserChange } from '../../storage/contract/user-repository.js';
import { type ChangeOptions, UPDATE, type UserUpdate } from './user-changes.js';

const MAX_REASON_LENGTH = 500;
const MAX_BY_LENGTH = 128;
const MAX_ROLES = 32;
/** With some of them named more than once. */
const LONGEST_LIST = 1_000;
/** Every request of the user's reads them. */
const MAX_RANGES = 64;

interface GivenBlock {
  readonly reason: string;
  readonly until?: Date | number;
  readonly by?: string;
}

/** Taken by `checkedBlock`. */
const BLOCK: Inputs<GivenBlock> = { reason: anything, until: anything, by: anything };
const CHANGE: Inputs<ChangeOptions> = { ifVersion: version, durability };

export function checkedChange(options: ChangeOptions): ChangeOptions {
  return fieldsOf(options, 'options', CHANGE);
}

/** @throws SessionError `bad_request`: each check here does, unless what was given will do */
export function checkedRoles(roles: readonly string[]): string[] {
  if (!Array.isArray(roles)) throw badRequest('Roles are a list of names');
  if (roles.length > LONGEST_LIST) throw badRequest(`A user has at most ${MAX_ROLES} roles`);
  const unique = [...new Set(roles as readonly string[])];
  if (unique.some((role) => typeof role !== 'string' || !NAME_PATTERN.test(role)))
    throw badRequest('A role is 1–64 letters, digits and . _ : -');
  if (unique.length > MAX_ROLES) throw badRequest(`A user has at most ${MAX_ROLES} roles`);
  return unique.sort();
}

export function checkedList(cidrs: readonly string[] | null): readonly string[] | null {
  return cidrs === null ? null : parseIpList(cidrs, MAX_RANGES).cidrs;
}

export function checkedBlock(given: GivenBlock) {
  const block = fieldsOf(given, 'block', BLOCK);
  const { until: end } = block;
  const isInstant = end === undefined || typeof end === 'number' || end instanceof Date;
  const until = end === undefined ? undefined : isInstant ? Number(end) : NaN;
  if (
    typeof block.reason !== 'string' ||
    block.reason.length < 1 ||
    block.reason.length > MAX_REASON_LENGTH
  ) {
    throw badRequest(`A block's reason is 1–${MAX_REASON_LENGTH} characters`);
  }
  if (until !== undefined && Number.isNaN(new Date(until).getTime()))
    throw badRequest("A block's end is no instant");
  if (block.by !== undefined && (typeof block.by !== 'string' || block.by.length > MAX_BY_LENGTH)) {
    throw badRequest(`Who blocks is told in at most ${MAX_BY_LENGTH} characters`);
  }
  return {
    reason: block.reason,
    ...(until === undefined ? {} : { until: Math.floor(until) }),
    ...(block.by === undefined ? {} : { by: block.by }),
  };
}

/** What an update from the app's own database changes. */
export function checkedUpdate(userId: string, given: UserUpdate) {
  const update = fieldsOf(given, 'update', UPDATE);
  const block =
    update.block === undefined || update.block === null ? update.block : checkedBlock(update.block);
  return {
    userId,
    isWhole: update.roles !== undefined && block !== undefined,
    ...(update.roles !== undefined ? { roles: checkedRoles(update.roles) } : {}),
    block,
    ...(update.ipAllowlist === undefined ? {} : { ipAllowlist: checkedList(update.ipAllowlist) }),
    ...(update.sourceVersion === undefined ? {} : { sourceVersion: checkedVersion(update.sourceVersion) }),
  } satisfies Omit<UserChange, 'ifVersion'>;
}

export function blockInPast(): SessionError {
  return badRequest("A block's end must lie in the future");
}

/** An update that lost to a newer one. The caller may take a block to be in force otherwise. */
export function outdated(given: number | undefined, known: number | undefined): SessionError {
  const detail = `The update has sourceVersion ${given}, and ${known} is known already: nothing was changed`;
  return new SessionError('version_conflict', { detail });
}

export function checkedVersion(version: number): number {
  if (!Number.isSafeInteger(version) || version < 0)
    throw badRequest('A version is a safe, non-negative integer');
  return version;
}

function badRequest(detail: string): SessionError {
  return new SessionError('bad_request', { detail });
}

import { anything, type Inputs, version } from '../../basics/inputs.js';

/** Options of `UserStateService.block()`. @publicApi */
export interface BlockOptions {
  /** Reason that the user and moderators read, 1–500 characters. */
  readonly reason: string;
  /**
   * Instant at which the block ends: a `Date`, or milliseconds since 1970 UTC.
   * @defaultValue when it is lifted
   */
  readonly until?: Date | number;
  /**
   * Who blocks: a user id or a name, at most 128 characters.
   * @defaultValue not recorded
   */
  readonly by?: string;
  /**
   * Block only if the user's `version` is still this one; otherwise `version_conflict`.
   * @defaultValue any version
   */
  readonly ifVersion?: number;
  /**
   * `'all-replicas'`: resolve only once every replica has the block, so that no failover undoes it; else `not_durable`.
   * @defaultValue the module's option `durability`
   */
  readonly durability?: 'memory' | 'all-replicas';
}

/** Options of the methods of `UserStateService` that change a user. @publicApi */
export interface ChangeOptions {
  /**
   * Change only if the user's `version` is still this one; otherwise `version_conflict`. Read it together with the
   * facts that the decision rests on.
   * @defaultValue any version
   */
  readonly ifVersion?: number;
  /**
   * `'all-replicas'`: resolve only once every replica has the change; else `not_durable`.
   * @defaultValue the module's option `durability`
   */
  readonly durability?: 'memory' | 'all-replicas';
}

/** A change that the app made in its own database, for `UserStateService.update()`. @publicApi */
export interface UserUpdate {
  /**
   * All roles of the user, at most 32.
   * @defaultValue unchanged
   */
  readonly roles?: readonly string[];
  /**
   * The user's block; `null`: not blocked.
   * @defaultValue unchanged
   */
  readonly block?: { readonly reason: string; readonly until?: Date | number; readonly by?: string } | null;
  /**
   * The only ranges that the user may come from, at most 64 CIDRs; `null`: from anywhere.
   * @defaultValue unchanged
   */
  readonly ipAllowlist?: readonly string[] | null;
  /**
   * The app's own version of this user. An older one than the last loses; an equal one may only tighten.
   * @defaultValue none: the update applies to the record as it is
   */
  readonly sourceVersion?: number;
}

export const INITIAL: Inputs<{ readonly roles?: readonly string[] }> = { roles: anything };

export const UNBLOCK: Inputs<Pick<ChangeOptions, 'ifVersion'>> = { ifVersion: version };

/** Each by a check of its own. */
export const UPDATE: Inputs<UserUpdate> = {
  roles: anything,
  block: anything,
  ipAllowlist: anything,
  sourceVersion: anything,
};

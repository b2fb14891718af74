/** A dated, reasoned refusal of a user. Instants are milliseconds since 1970 UTC. @publicApi */
export interface Block {
  /** Reason that the user and moderators read. */
  readonly reason: string;
  /** Instant at which the block ends; absent: when it is lifted. */
  readonly until?: number;
  /** Who blocked: a user id or a name. */
  readonly by?: string;
  /** Instant of the block. */
  readonly at: number;
}

/** State of one user: read anew with every request, never copied into a session or a token. @publicApi */
export interface UserState {
  /** The user id, as the app gave it. */
  readonly id: string;
  /** Whether the user may make requests. */
  readonly status: 'active' | 'blocked';
  /** Present exactly when `status` is `blocked`. */
  readonly block?: Block;
  /** Roles that the user has now. */
  readonly roles: readonly string[];
  /** The only ranges that the user may come from; absent: from anywhere. An empty list: from nowhere. */
  readonly ipAllowlist?: readonly string[];
  /** Grows with every change of this record. A write may say which version it expects. */
  readonly version: number;
  /** The authorization epoch. A session of another epoch is revoked. */
  readonly epoch: number;
  /** The version that the app's own database gave, for apps whose truth lives there. */
  readonly sourceVersion?: number;
}

/** A user as the app's own database knows them: the answer of `UserDirectory.load()`. @publicApi */
export interface DirectoryUser {
  /** All roles of the user, at most 32. */
  readonly roles: readonly string[];
  /**
   * The user's block. `until` is an instant, in milliseconds since 1970 UTC.
   * @defaultValue not blocked
   */
  readonly block?: {
    readonly reason: string;
    readonly until?: number;
    readonly by?: string;
  };
  /**
   * The only ranges that the user may come from, at most 64 CIDRs; `null`: from anywhere.
   * @defaultValue the app's database does not say
   */
  readonly ipAllowlist?: readonly string[] | null;
  /**
   * A number that grows with every change of the user in the app's database: an older answer loses. Give one: an answer
   * of an equal version, or of none, may only tighten (take roles away, add a block or an allowlist).
   * @defaultValue none
   */
  readonly version?: number;
}

/**
 * For apps whose truth about users is in another database. It is asked at login, whenever the repository has no record,
 * and when the record is older than `maxStateAge`.
 * @publicApi
 */
export interface UserDirectory {
  /** Resolves to `undefined` for a user who does not exist. A rejection refuses the request with 503. */
  load(userId: string): Promise<DirectoryUser | undefined>;
}

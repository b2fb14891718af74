/** A dated, reasoned refusal of a user. Instants are milliseconds since 1970 UTC. */
export interface Block {
  readonly reason: string;
  /** When the block ends by itself; absent: when somebody lifts it. */
  readonly until?: number;
  /** Who blocked: a user id or a name, for people to read. */
  readonly by?: string;
  readonly at: number;
}

/** What is known of a user: read anew with every request, never copied into a session or a token. */
export interface UserState {
  readonly id: string;
  readonly status: 'active' | 'blocked';
  /** Present exactly when `status` is `blocked`. */
  readonly block?: Block;
  readonly roles: readonly string[];
  /** The only ranges that this user may come from; absent: from anywhere. An empty one: from nowhere. */
  readonly ipAllowlist?: readonly string[];
  /** Grows with every change of this record. A write may say which version it expects. */
  readonly version: number;
  /** The authorization epoch. A session of another epoch is revoked. */
  readonly epoch: number;
  /** The version that the app's own database gave, for apps whose truth lives there. */
  readonly sourceVersion?: number;
}

/** What the app's own database says of a user. */
export interface DirectoryUser {
  readonly roles: readonly string[];
  readonly block?: {
    readonly reason: string;
    readonly until?: number;
    readonly by?: string;
  };
  /** The only ranges that this user may come from; `null`: from anywhere. Absent: this database does not say. */
  readonly ipAllowlist?: readonly string[] | null;
  /**
   * A number that grows with every change of this user in the app's database, so that an older answer loses. Give one:
   * an answer of an equal version, or of none, may only take roles away, or add a block or an allowlist where there is none.
   */
  readonly version?: number;
}

/** For apps whose truth about users is in another database: asked at login and whenever the repository has no record. */
export interface UserDirectory {
  /** Resolves to `undefined` for a user who does not exist. A rejection refuses the request with 503. */
  load(userId: string): Promise<DirectoryUser | undefined>;
}

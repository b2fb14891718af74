/** When an act is acknowledged: once Redis has it in memory, or once each of its replicas has. */
export type Durability = 'memory' | 'all-replicas';

/** An act that was written: the version that its record has since, and of a user the epoch. */
export type WrittenAct =
  | { readonly userRef: string; readonly version: number; readonly epoch: number }
  | { readonly list: string; readonly version: number };

/** A session that was ended. */
export interface EndedSession {
  readonly userRef: string;
  readonly endedSession: string;
}

/** What is known of the replicas of the storage. */
export interface Replication {
  /** How many each primary is set up with; `undefined`: nobody said so, and `reached` cannot be asked. */
  readonly replicas: number | undefined;
  /**
   * Whether every replica that the storage is set up with has an act. `false` also where that cannot be known in time, and
   * where the server that answers does not hold the act. Never rejects.
   */
  reached(act: WrittenAct): Promise<boolean>;
  /**
   * Whether an act may be acknowledged although nobody waits for all replicas: `false` where a replica may be taking the
   * place of the server that has it, which does not know of that. Never rejects.
   */
  isFollowed(act: WrittenAct | EndedSession): Promise<boolean>;
}

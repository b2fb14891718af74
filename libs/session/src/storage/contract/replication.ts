/** When an act is acknowledged: once Redis has it in memory, or once each of its replicas has. */
export type Durability = 'memory' | 'all-replicas';

/** An act that was written: the version that its record has since, and of a user the epoch. */
export type WrittenAct =
  | { readonly userRef: string; readonly version: number; readonly epoch: number }
  | { readonly list: string; readonly version: number };

/** What is known of the replicas of the storage. */
export interface Replication {
  /**
   * Whether every replica that the storage is set up with has an act. `false` also where that cannot be known in time, and
   * where the server that answers does not hold the act. Never rejects.
   */
  reached(act: WrittenAct): Promise<boolean>;
}

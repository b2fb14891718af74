import type { Reaffirmation, ReplicaWait } from '../calls/replica-wait.js';
import { SCRIPTS } from '../lua/script.js';
import type { RedisKeys } from '../records/keys.js';

/** What an act changed: a user's record or a named list, and the version and epoch since; or the session that it ended. */
type Act =
  | { readonly userRef: string; readonly version: number; readonly epoch: number }
  | { readonly userRef: string; readonly endedSession: string }
  | { readonly list: string; readonly version: number };

/** The scripts that a `WAIT` stands behind. */
export class ReplicationScripts {
  /** @param isReplaced whether a replica may take the primary's place while it is well: see `isFollowed` */
  constructor(
    private readonly wait: ReplicaWait,
    private readonly keys: RedisKeys,
    private readonly of: { readonly replicas: number | undefined; readonly isReplaced: boolean },
  ) {}

  get replicas(): number | undefined {
    return this.of.replicas;
  }

  /** Whether every replica has the act. */
  reached(act: Act): Promise<boolean> {
    return this.wait.reached(this.reaffirmation(act));
  }

  /** Whether the act outlives a planned failover. */
  isFollowed(act: Act): Promise<boolean> {
    return this.of.isReplaced ? this.wait.isFollowed(this.reaffirmation(act)) : Promise.resolve(true);
  }

  private reaffirmation(act: Act): Reaffirmation {
    if ('list' in act)
      return { script: SCRIPTS.reaffirmIpList, keys: [this.keys.ofIpList(act.list)], args: [act.version] };
    const args = 'version' in act ? [act.version, act.epoch, ''] : [0, 0, act.endedSession];
    return { script: SCRIPTS.reaffirmUser, keys: [this.keys.of(act.userRef, 'user')], args };
  }
}

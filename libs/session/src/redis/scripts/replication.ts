import type { ReplicaWait } from '../calls/replica-wait.js';
import { SCRIPTS } from '../lua/script.js';
import type { RedisKeys } from '../records/keys.js';

/** What an act changed, a user's record or a named list, and the version and epoch since. */
type Act =
  | { readonly userRef: string; readonly version: number; readonly epoch: number }
  | { readonly list: string; readonly version: number };

/** The scripts that a `WAIT` stands behind. */
export class ReplicationScripts {
  constructor(
    private readonly wait: ReplicaWait,
    private readonly keys: RedisKeys,
  ) {}

  /** Whether every replica has the act. */
  reached(act: Act): Promise<boolean> {
    const { version } = act;
    return this.wait.reached(
      'list' in act
        ? { script: SCRIPTS.reaffirmIpList, keys: [this.keys.ofIpList(act.list)], args: [version] }
        : {
            script: SCRIPTS.reaffirmUser,
            keys: [this.keys.of(act.userRef, 'user')],
            args: [version, act.epoch],
          },
    );
  }
}

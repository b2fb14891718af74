import type { ReplicaWait } from '../../redis/calls/replica-wait.js';
import { SCRIPTS } from '../../redis/lua/script.js';
import type { RedisKeys } from '../../redis/records/keys.js';
import { userRefOf } from '../../token/session-token.js';
import type { Replication, WrittenAct } from '../contract/replication.js';

/** Acts in Redis: each is part of one record, which is on one server and its replicas. */
export class RedisReplication implements Replication {
  constructor(
    private readonly wait: ReplicaWait,
    private readonly keys: RedisKeys,
  ) {}

  reached(act: WrittenAct): Promise<boolean> {
    const { version } = act;
    return this.wait.reached(
      'list' in act
        ? { script: SCRIPTS.reaffirmIpList, keys: [this.keys.ofIpList(act.list)], args: [version] }
        : {
            script: SCRIPTS.reaffirmUser,
            keys: [this.keys.of(userRefOf(act.userId), 'user')],
            args: [version, act.epoch],
          },
    );
  }
}

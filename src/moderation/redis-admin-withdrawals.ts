import type { UserState } from '@latchkey/session';
import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { AdminWithdrawals } from './admin-withdrawals.js';

/** `HSET app:admin-withdrawals  USER-ID  VERSION`, one field for every admin who was ever blocked or demoted. */
const KEY = 'app:admin-withdrawals';

/** KEYS withdrawals. ARGV actor, its version, target, its version. Returns 1 when noted, 0 when the actor is withdrawn. */
const BEGIN = redisScript(`
local function versionOf(id) return tonumber(redis.call('HGET', KEYS[1], id) or -1) end
if versionOf(ARGV[1]) >= tonumber(ARGV[2]) then return 0 end
if versionOf(ARGV[3]) < tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
return 1
`);

export class RedisAdminWithdrawals extends AdminWithdrawals {
  constructor(private readonly store: RedisStore) {
    super();
  }

  async begin({
    actor,
    target,
  }: {
    readonly actor: UserState;
    readonly target: UserState;
  }): Promise<boolean> {
    const args = [actor.id, actor.version, target.id, target.version];
    return (await this.store.script(BEGIN, [KEY], args)) === 1;
  }
}

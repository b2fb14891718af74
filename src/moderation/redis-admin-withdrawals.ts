import type { UserState } from '@latchkey/session';
import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { AdminWithdrawals, FOR_GOOD } from './admin-withdrawals.js';

/**
 * `HSET app:admin-withdrawals  USER-ID  VERSION`, one field for every admin who was ever blocked or demoted, and for
 * everybody who erased their account: an id that names nobody any more.
 */
const KEY = 'app:admin-withdrawals';

/** KEYS withdrawals. ARGV actor, its version, target, its version. Returns 1 when noted, 0 when the actor is withdrawn; fails for what is no version. */
const BEGIN = redisScript(`
local function versionOf(id)
  local version = redis.call('HGET', KEYS[1], id)
  if not version then return -1 end
  return string.match(version, '^%d+$') and tonumber(version)
end
local actor, target = versionOf(ARGV[1]), versionOf(ARGV[3])
if not (actor and target) then return redis.error_reply('DAMAGED withdrawals') end
if actor >= tonumber(ARGV[2]) then return 0 end
if target < tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
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

  async retire(userId: string): Promise<void> {
    await this.store.call((client) => client.hset(KEY, userId, FOR_GOOD));
  }
}

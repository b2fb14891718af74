import type { RedisClient } from '../../redis/servers/boot-check.js';

/** What a command is tried with: 0 stands for a key, 1 for the channel of events. Nothing of it is run. */
type Sample = readonly (string | 0 | 1)[];

const KEY = 0;
const CHANNEL = 1;
const on = (...names: readonly string[]): readonly Sample[] => names.map((name) => [name, KEY]);

/**
 * Every command that the library sends, or that a script of it calls, as an example. A test compares them with the
 * permissions in docs/redis.md.
 */
export const COMMANDS: readonly Sample[] = [
  ['hello'],
  ['client', 'setname', 'latchkey'],
  ['select', '0'],
  ['ping'],
  ['info'],
  ['quit'],
  ['evalsha', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', '1', KEY],
  ['eval', 'return 1', '1', KEY],
  ['subscribe', CHANNEL],
  ['unsubscribe', CHANNEL],
  ['publish', CHANNEL, ''],
  ['wait', '1', '0'],
  ['time'],
  ...on('get', 'del', 'unlink', 'pttl', 'persist', 'pexpiretime', 'hgetall', 'hkeys'),
  ['set', KEY, ''],
  ['pexpire', KEY, '1'],
  ['pexpireat', KEY, '1'],
  ['hexists', KEY, 'f'],
  ['hget', KEY, 'f'],
  ['hmget', KEY, 'f'],
  ['hset', KEY, 'f', ''],
  ['hdel', KEY, 'f'],
  ['hincrby', KEY, 'f', '1'],
  ['zadd', KEY, '1', 'm'],
  ['zrem', KEY, 'm'],
  ['zrangebyscore', KEY, '0', '1'],
  ['zremrangebyscore', KEY, '0', '1'],
  ['xadd', KEY, '*', 'f', ''],
  ['xdel', KEY, '1-1'],
  ['xtrim', KEY, 'MAXLEN', '1'],
  ['xrange', KEY, '-', '+'],
  ['xrevrange', KEY, '+', '-'],
];

/** What a Cluster's client asks besides. */
export const CLUSTER_COMMANDS: readonly Sample[] = [
  ['cluster', 'info'],
  ['cluster', 'slots'],
  ['cluster', 'shards'],
  ['cluster', 'nodes'],
];

/** As docs/redis.md and `ACL SETUSER` have it: `+get`, `+client|setname`. */
export function permissionOf([name, first]: Sample): string {
  return `+${name === 'client' || name === 'cluster' ? `${name}|${String(first)}` : name}`;
}

/** Asks Redis, of each command, whether this user may run it on that key and that channel. It runs none of them. */
const CHECK = `#!lua flags=no-writes
local denied = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  for j, part in ipairs(command) do
    if part == 0 then command[j] = KEYS[1] elseif part == 1 then command[j] = ARGV[2] end
  end
  if not redis.acl_check_cmd(unpack(command)) then denied[#denied + 1] = i end
end
return denied
`;

/**
 * The permissions that the client's user lacks, of those that the library needs.
 * @throws Error when even scripts are not permitted
 */
export async function missingPermissions(
  client: RedisClient,
  { key, channel }: { readonly key: string; readonly channel: string },
): Promise<readonly string[]> {
  const samples = 'nodes' in client ? [...COMMANDS, ...CLUSTER_COMMANDS] : COMMANDS;
  const denied = (await client.eval(CHECK, 1, key, JSON.stringify(samples), channel)) as number[];
  return denied.map((number) => permissionOf(samples[number - 1] as Sample));
}

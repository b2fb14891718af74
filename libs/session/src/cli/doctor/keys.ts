import type { Redis } from 'ioredis';
import type { RedisClient } from '../../redis/servers/boot-check.js';
import { missingPermissions } from './permissions.js';
import { RedisKeys } from '../../redis/records/keys.js';
import { isSessionId } from '../../token/session-token.js';
import { bad, type Finding, isForbidden, ok, skipped } from './finding.js';

/** So many keys are looked at, and so many users measured. */
const MOST_KEYS = 10_000;
const MOST_STEPS = 200;
const MOST_USERS = 100;
const SHOWN = 3;

export interface Namespace {
  readonly keyPrefix: string;
  /** What ioredis puts before every key. */
  readonly clientPrefix: string;
}

/** Whether this Redis user may run what the library sends. */
export async function permissions(client: RedisClient, { keyPrefix }: Namespace): Promise<Finding> {
  const remedy = (missing: readonly string[]): string =>
    `ACL SETUSER <user> ${missing.join(' ')}; all that is needed is in docs/redis.md`;
  const why = 'What is not permitted fails at the first request that needs it, with 503';
  try {
    const place = { key: `${keyPrefix}:{doctor}`, channel: new RedisKeys(keyPrefix).events };
    const missing = await missingPermissions(client, place);
    if (missing.length === 0) return ok('permissions', 'every command of the library may run');
    return bad('fail', 'permissions', {
      what: `this user may not run ${missing.join(' ')} on ${keyPrefix}:*`,
      why,
      remedy: remedy([`~${keyPrefix}:*`, `&${keyPrefix}:*`, ...missing]),
    });
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const what = `this user may not run scripts on ${keyPrefix}:*`;
    return bad('fail', 'permissions', {
      what,
      why,
      remedy: remedy([`~${keyPrefix}:*`, '+eval', '+evalsha']),
    });
  }
}

/** The keys under our prefix, in part; bounded, and without holding Redis up. */
export async function keysUnder(
  servers: readonly Redis[],
  { keyPrefix, clientPrefix }: Namespace,
): Promise<{ readonly keys: readonly string[]; readonly isAll: boolean } | undefined> {
  const prefix = clientPrefix + keyPrefix;
  const pattern = `${prefix.replace(/[*?[\]\\]/g, String.raw`\$&`)}:*`;
  const keys = new Set<string>();
  let isAll = true;
  try {
    for (const server of servers) {
      let cursor = '0';
      let steps = 0;
      do {
        const [next, found] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
        for (const key of found) keys.add(key.slice(clientPrefix.length));
        cursor = next;
        steps += 1;
      } while (cursor !== '0' && keys.size < MOST_KEYS && steps < MOST_STEPS);
      if (cursor !== '0') isAll = false;
    }
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
  return { keys: [...keys], isAll };
}

/** Whether somebody else writes under our prefix. */
export function foreignKeys(found: Awaited<ReturnType<typeof keysUnder>>, { keyPrefix }: Namespace): Finding {
  if (!found) return skipped('keys', 'not looked at: this Redis user may not SCAN');
  const ours = new RedisKeys(keyPrefix);
  const foreign = found.keys.filter((key) => !ours.isOurs(key));
  const looked = `${found.keys.length} ${found.isAll ? '' : '(and more) '}keys under ${keyPrefix}:`;
  const values = { keys: found.keys.length, foreign: foreign.length };
  if (found.keys.length === 0)
    return ok(
      'keys',
      `none under ${keyPrefix}: yet. Does the app have another keyPrefix (--prefix)?`,
      values,
    );
  if (foreign.length === 0) return ok('keys', `${looked}, all of them Latchkey's`, values);
  const shown = foreign.slice(0, SHOWN).map((key) => JSON.stringify(key.slice(0, 80)));
  return bad('warn', 'keys', {
    what: `${looked}; ${foreign.length} are not Latchkey's, such as ${shown.join(', ')}`,
    why: 'Somebody else writes under the prefix, and may overwrite sessions or delete them',
    remedy: 'Give one of the two another prefix: the option keyPrefix',
    values,
  });
}

/** What a session takes, from some users' records; their number is bounded. */
export async function sessionSize(
  client: RedisClient,
  found: Awaited<ReturnType<typeof keysUnder>>,
  { keyPrefix }: Namespace,
): Promise<Finding> {
  const ours = new RedisKeys(keyPrefix);
  const users = (found?.keys ?? []).filter((key) => key.endsWith('}:user') && ours.isOurs(key));
  const measured = users.slice(0, MOST_USERS);
  if (!found) return skipped('session size', 'not looked at: this Redis user may not SCAN');
  let [bytes, sessions] = [0, 0];
  try {
    for (const key of measured) {
      bytes += Number((await client.memory('USAGE', key)) ?? 0);
      sessions += (await client.hkeys(key)).filter(isSessionId).length;
    }
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return skipped('session size', 'not looked at: this Redis user may not run MEMORY USAGE');
  }
  if (sessions === 0) return ok('session size', 'no sessions yet', { sessions });
  const each = Math.round(bytes / sessions);
  const values = { bytesPerSession: each, sessions, users: measured.length };
  const what = `${each} bytes a session, their user's record included (${sessions} sessions of ${measured.length} users)`;
  return ok('session size', what, values);
}

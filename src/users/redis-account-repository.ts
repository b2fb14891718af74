import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { isInstant, UntrustedJson } from '../untrusted/untrusted-json.js';
import { type Account, isUserId } from './account.js';
import { type AccountPage, AccountRepository, type PasswordHashChange } from './account-repository.js';

/**
 * Accounts in Redis, all on one Cluster slot, because a user name is taken or free for everybody at once:
 *
 *     HSET app:{users}:names  alice  Zk3…            user name → id
 *     HSET app:{users}:accounts  Zk3…  {"id":"Zk3…","username":"alice",…}
 *     ZADD app:{users}:order  1  Zk3…                in the order in which they were made
 *     HSET app:{users}:emails  Zk3…  alice@example.org   those that were proven
 */
const NAMES = 'app:{users}:names';
const ACCOUNTS = 'app:{users}:accounts';
const ORDER = 'app:{users}:order';
const EMAILS = 'app:{users}:emails';

/** KEYS names, accounts, order. ARGV username, id, account. Returns 1 when stored, 0 when the name is taken. */
const CREATE = redisScript(`
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[3], last[2] and tonumber(last[2]) + 1 or 1, ARGV[2])
return 1
`);

/** KEYS names, accounts. ARGV username. Returns the account, or false. */
const FIND_BY_USERNAME = redisScript(`
local id = redis.call('HGET', KEYS[1], ARGV[1])
return id and redis.call('HGET', KEYS[2], id)
`);

/** KEYS accounts, order. ARGV limit, before or ''. Returns accounts, newest first; false when before is unknown. */
const LIST = redisScript(`
local max = '+inf'
if ARGV[2] ~= '' then
  local score = redis.call('ZSCORE', KEYS[2], ARGV[2])
  if not score then return false end
  max = '(' .. score
end
local ids = redis.call('ZRANGE', KEYS[2], max, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[1])
if #ids == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(ids))
`);

/**
 * KEYS accounts. ARGV id, the account as it was, the account as it shall be. Returns 1 when it was so, else 0.
 * Whole records are compared: they are written by \`encode\` alone, and nothing but the hash ever changes in them.
 */
const REPLACE = redisScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`);

/** KEYS accounts, emails. ARGV id, address. Stores it if there is such an account. */
const SET_EMAIL = redisScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
return 1
`);

/** KEYS names, accounts, order, emails. ARGV id, user name or ''. The name goes only if it is this account's. */
const REMOVE = redisScript(`
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[2]) end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
return 1
`);

const RECORDS = new UntrustedJson<Account>('An account', ({ id, username, passwordHash, createdAt }) => {
  const isAccount =
    typeof id === 'string' &&
    isUserId(id) &&
    typeof username === 'string' &&
    typeof passwordHash === 'string' &&
    isInstant(createdAt);
  return isAccount ? { id, username, passwordHash, createdAt } : undefined;
});

export class RedisAccountRepository extends AccountRepository {
  constructor(private readonly store: RedisStore) {
    super();
  }

  async create(account: Account): Promise<boolean> {
    const args = [account.username, account.id, encode(account)];
    return (await this.store.script(CREATE, [NAMES, ACCOUNTS, ORDER], args)) === 1;
  }

  async findById(id: string): Promise<Account | undefined> {
    const account = decode(await this.store.call((client) => client.hget(ACCOUNTS, id)));
    return account?.id === id ? account : undefined; // another's record in its place is nobody's
  }

  async findByUsername(username: string): Promise<Account | undefined> {
    const account = decode(await this.store.script(FIND_BY_USERNAME, [NAMES, ACCOUNTS], [username]));
    return account?.username === username ? account : undefined;
  }

  async list({ limit, before = '' }: AccountPage): Promise<Account[] | undefined> {
    const found = await this.store.script(LIST, [ACCOUNTS, ORDER], [limit, before]);
    return Array.isArray(found)
      ? found.map((text) => decode(text)).filter((account) => account !== undefined)
      : undefined;
  }

  async replacePasswordHash(id: string, { from, to }: PasswordHashChange): Promise<boolean> {
    const account = await this.findById(id);
    if (account?.passwordHash !== from) return false;
    const changed = { ...account, passwordHash: to };
    return (await this.store.script(REPLACE, [ACCOUNTS], [id, encode(account), encode(changed)])) === 1;
  }

  async setEmail(id: string, email: string): Promise<void> {
    await this.store.script(SET_EMAIL, [ACCOUNTS, EMAILS], [id, email]);
  }

  async findEmail(id: string): Promise<string | undefined> {
    return (await this.store.call((client) => client.hget(EMAILS, id))) ?? undefined;
  }

  async remove(id: string): Promise<void> {
    // Names do not change, so this one is still the account's.
    const username = (await this.findById(id))?.username ?? '';
    await this.store.script(REMOVE, [NAMES, ACCOUNTS, ORDER, EMAILS], [id, username]);
  }
}

/** Always the same text for the same account. */
function encode({ id, username, passwordHash, createdAt }: Account): string {
  return JSON.stringify({ id, username, passwordHash, createdAt });
}

/** @returns `undefined` for one that is not there, and for one that is damaged: nobody gets in by it */
function decode(text: unknown): Account | undefined {
  return typeof text === 'string' ? RECORDS.read(text, ACCOUNTS) : undefined;
}

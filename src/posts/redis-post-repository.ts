import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { isId } from '../http/ids.js';
import { Problem } from '../problem/problem.js';
import { isInstant, UntrustedJson } from '../untrusted/untrusted-json.js';
import type { Post, ReadPost } from './post.js';
import { type PostPage, PostRepository, type PostsOfUser } from './post-repository.js';

/**
 * Posts in Redis, all on one Cluster slot, because they make one timeline:
 *
 *     HSET app:{posts}:posts  17  {"authorId":"Zk3…","text":"…",…}
 *     ZADD app:{posts}:timeline  17  17
 *     HINCRBY app:{posts}:likes  17  1
 *     SADD app:{posts}:liked-by:Zk3…  17             what one person likes
 *     SADD app:{posts}:written-by:Zk3…  17           what one person wrote
 *     SET  app:{posts}:last-id  17                   no id is given twice, also when the newest post was deleted
 *     SET  app:{posts}:erased:Zk3…  1  PX 600000     they can write no more, whatever is under way
 */
const POSTS = 'app:{posts}:posts';
const TIMELINE = 'app:{posts}:timeline';
const LIKES = 'app:{posts}:likes';
const LAST_ID = 'app:{posts}:last-id';
const likedBy = (userId: string): string => `app:{posts}:liked-by:${userId}`;
const writtenBy = (userId: string): string => `app:{posts}:written-by:${userId}`;
const erased = (userId: string): string => `app:{posts}:erased:${userId}`;

/** Far longer than a request may take: whoever has a session later is somebody else. */
const ERASED_MS = 600_000;
/** So many posts and likes are deleted by one call, which holds Redis up. */
const ERASE_STEP = 500;

/** KEYS posts, timeline, written-by, erased, last-id. ARGV post. Returns the new id; false when its author was erased. */
const CREATE = redisScript(`
if redis.call('EXISTS', KEYS[4]) == 1 then return false end
local last = redis.call('ZRANGE', KEYS[2], -1, -1)[1]
local id = string.format('%.0f', math.max(tonumber(last or 0), tonumber(redis.call('GET', KEYS[5]) or 0)) + 1)
redis.call('HSET', KEYS[1], id, ARGV[1])
redis.call('ZADD', KEYS[2], id, id)
redis.call('SADD', KEYS[3], id)
return id
`);

/** Reads one post as an array of id, post, likes, liked by the reader. */
const READ = `
local function read(id)
  return { id, redis.call('HGET', KEYS[1], id), redis.call('HGET', KEYS[3], id) or '0', redis.call('SISMEMBER', KEYS[4], id) }
end
`;

/** KEYS posts, timeline, likes, liked-by. ARGV limit, before or '+inf', from or '-inf'. Returns posts, newest first. */
const LIST = redisScript(`${READ}
local posts = {}
for i, id in ipairs(redis.call('ZRANGE', KEYS[2], ARGV[2], ARGV[3], 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[1])) do
  posts[i] = read(id)
end
return posts
`);

/** KEYS posts, timeline, likes, liked-by, erased. ARGV id. Returns the post, or false. */
const LIKE = redisScript(`${READ}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 or redis.call('EXISTS', KEYS[5]) == 1 then return false end
if redis.call('SADD', KEYS[4], ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[3], ARGV[1], 1) end
return read(ARGV[1])
`);

/**
 * KEYS posts, timeline, likes, liked-by, written-by. ARGV limit. Returns posts and ids of what is liked, newest first, and
 * whether there are more.
 */
const OF_USER = redisScript(`${READ}
local limit, is_cut = tonumber(ARGV[1]), 0
local function newest(key)
  local ids, ordered = redis.call('SMEMBERS', key), {}
  for i, id in ipairs(ids) do ordered[i] = tonumber(id) end
  table.sort(ordered) -- a comparison in Lua would hold Redis up several times as long
  if #ids > limit then is_cut = 1 end
  local last = {}
  for i = #ids, math.max(#ids - limit, 0) + 1, -1 do last[#last + 1] = string.format('%.0f', ordered[i]) end
  return last
end
local posts, likes = {}, {}
for _, id in ipairs(newest(KEYS[5])) do posts[#posts + 1] = read(id) end
for _, id in ipairs(newest(KEYS[4])) do
  if redis.call('HEXISTS', KEYS[1], id) == 1 then likes[#likes + 1] = id end
end
return { posts, likes, is_cut }
`);

/**
 * KEYS posts, timeline, likes, liked-by, written-by, erased, last-id. ARGV how long they can write no more, how many at
 * most. Returns how many are left.
 */
const ERASE = redisScript(`
redis.call('SET', KEYS[6], '1', 'PX', ARGV[1])
local last = redis.call('ZRANGE', KEYS[2], -1, -1)[1]
if last and tonumber(last) > tonumber(redis.call('GET', KEYS[7]) or 0) then redis.call('SET', KEYS[7], last) end
for _, id in ipairs(redis.call('SPOP', KEYS[5], ARGV[2])) do
  for _, key in ipairs({ KEYS[1], KEYS[3] }) do redis.call('HDEL', key, id) end
  redis.call('ZREM', KEYS[2], id)
end
for _, id in ipairs(redis.call('SPOP', KEYS[4], ARGV[2])) do
  if redis.call('HEXISTS', KEYS[1], id) == 1 then redis.call('HINCRBY', KEYS[3], id, -1) end
end
return redis.call('SCARD', KEYS[4]) + redis.call('SCARD', KEYS[5])
`);

type Row = readonly [id: unknown, post: unknown, likes: unknown, liked: unknown];

const RECORDS = new UntrustedJson<Omit<Post, 'id'>>('A post', ({ authorId, authorName, text, createdAt }) => {
  const isPost =
    typeof authorId === 'string' &&
    typeof authorName === 'string' &&
    typeof text === 'string' &&
    isInstant(createdAt);
  return isPost ? { authorId, authorName, text, createdAt } : undefined;
});

export class RedisPostRepository extends PostRepository {
  constructor(private readonly store: RedisStore) {
    super();
  }

  async create(post: Omit<Post, 'id'>): Promise<ReadPost> {
    const { authorId } = post;
    const keys = [POSTS, TIMELINE, writtenBy(authorId), erased(authorId), LAST_ID];
    const id = await this.store.script(CREATE, keys, [JSON.stringify(post)]);
    if (typeof id !== 'string') throw new Problem('not_found', 'There is no such user');
    return { ...post, id, likes: 0, likedByReader: false };
  }

  async list({ readerId, limit, before, from = '-inf' }: PostPage): Promise<ReadPost[]> {
    const max = before === undefined ? '+inf' : `(${before}`;
    const rows = await this.store.script(LIST, keysFor(readerId), [limit, max, from]);
    return (rows as Row[]).map(toPost).filter((post) => post !== undefined);
  }

  async like(postId: string, readerId: string): Promise<ReadPost | undefined> {
    const keys = [...keysFor(readerId), erased(readerId)];
    const row = (await this.store.script(LIKE, keys, [postId])) as Row | null;
    return row ? toPost(row) : undefined;
  }

  async of(userId: string, limit: number): Promise<PostsOfUser> {
    const keys = [...keysFor(userId), writtenBy(userId)];
    const [rows, likes, isCut] = (await this.store.script(OF_USER, keys, [limit])) as [
      Row[],
      string[],
      number,
    ];
    const posts = rows.map(toPost).filter((post) => post !== undefined);
    return { posts, likes: likes.filter((id) => isId('post', id)), isCut: isCut === 1 };
  }

  async erase(userId: string): Promise<void> {
    const keys = [...keysFor(userId), writtenBy(userId), erased(userId), LAST_ID];
    while ((await this.store.script(ERASE, keys, [ERASED_MS, ERASE_STEP])) !== 0);
  }
}

function keysFor(readerId: string): string[] {
  return [POSTS, TIMELINE, LIKES, likedBy(readerId)];
}

/** @returns `undefined` for a row that is damaged */
function toPost([id, record, likes, liked]: Row): ReadPost | undefined {
  const post = RECORDS.read(record, POSTS);
  if (!post || !isId('post', id)) return undefined;
  const isCount = typeof likes === 'string' && /^\d{1,15}$/.test(likes);
  return { ...post, id, likes: isCount ? Number(likes) : 0, likedByReader: liked === 1 };
}

import { type RedisStore, redisScript } from '../redis/redis-store.js';
import { isId } from '../http/ids.js';
import { isInstant, UntrustedJson } from '../untrusted/untrusted-json.js';
import type { Post, ReadPost } from './post.js';
import { type PostPage, PostRepository } from './post-repository.js';

/**
 * Posts in Redis, all on one Cluster slot, because they make one timeline:
 *
 *     HSET app:{posts}:posts  17  {"authorId":"Zk3…","text":"…",…}
 *     ZADD app:{posts}:timeline  17  17
 *     HINCRBY app:{posts}:likes  17  1
 *     SADD app:{posts}:liked-by:Zk3…  17             what one person likes
 */
const POSTS = 'app:{posts}:posts';
const TIMELINE = 'app:{posts}:timeline';
const LIKES = 'app:{posts}:likes';
const likedBy = (userId: string): string => `app:{posts}:liked-by:${userId}`;

/** KEYS posts, timeline. ARGV post. Returns the new id. */
const CREATE = redisScript(`
local last = redis.call('ZRANGE', KEYS[2], -1, -1)[1]
local id = string.format('%.0f', tonumber(last or 0) + 1)
redis.call('HSET', KEYS[1], id, ARGV[1])
redis.call('ZADD', KEYS[2], id, id)
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

/** KEYS posts, timeline, likes, liked-by. ARGV id. Returns the post, or false. */
const LIKE = redisScript(`${READ}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return false end
if redis.call('SADD', KEYS[4], ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[3], ARGV[1], 1) end
return read(ARGV[1])
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
    const id = await this.store.script(CREATE, [POSTS, TIMELINE], [JSON.stringify(post)]);
    return { ...post, id: id as string, likes: 0, likedByReader: false };
  }

  async list({ readerId, limit, before, from = '-inf' }: PostPage): Promise<ReadPost[]> {
    const max = before === undefined ? '+inf' : `(${before}`;
    const rows = await this.store.script(LIST, keysFor(readerId), [limit, max, from]);
    return (rows as Row[]).map(toPost).filter((post) => post !== undefined);
  }

  async like(postId: string, readerId: string): Promise<ReadPost | undefined> {
    const row = (await this.store.script(LIKE, keysFor(readerId), [postId])) as Row | null;
    return row ? toPost(row) : undefined;
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

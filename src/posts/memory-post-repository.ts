import { Problem } from '../problem/problem.js';
import type { Post, ReadPost } from './post.js';
import { type PostPage, PostRepository, type PostsOfUser } from './post-repository.js';

interface Entry {
  readonly post: Post;
  readonly likedBy: Set<string>;
}

/** Posts in this process's memory. */
export class MemoryPostRepository extends PostRepository {
  /** The post with id n is entry n - 1; absent: it was deleted. */
  private readonly entries: (Entry | undefined)[] = [];
  private readonly erased = new Set<string>();

  async create(post: Omit<Post, 'id'>): Promise<ReadPost> {
    if (this.erased.has(post.authorId)) throw new Problem('not_found', 'There is no such user');
    const entry = { post: { ...post, id: String(this.entries.length + 1) }, likedBy: new Set<string>() };
    this.entries.push(entry);
    return asRead(entry, post.authorId);
  }

  async list({ readerId, limit, before, from = '1' }: PostPage): Promise<ReadPost[]> {
    const end = Math.min(this.entries.length, before === undefined ? Infinity : Number(before) - 1);
    const page: ReadPost[] = [];
    for (let i = end - 1; i >= Math.max(Number(from) - 1, 0) && page.length < limit; i--) {
      const entry = this.entries[i];
      if (entry) page.push(asRead(entry, readerId));
    }
    return page;
  }

  async like(postId: string, readerId: string): Promise<ReadPost | undefined> {
    const entry = this.erased.has(readerId) ? undefined : this.entries[Number(postId) - 1];
    entry?.likedBy.add(readerId);
    return entry && asRead(entry, readerId);
  }

  async of(userId: string, limit: number): Promise<PostsOfUser> {
    const entries = this.entries.filter((entry) => entry !== undefined).toReversed();
    const posts = entries.filter(({ post }) => post.authorId === userId);
    const likes = entries.filter(({ likedBy }) => likedBy.has(userId));
    return {
      posts: posts.slice(0, limit).map((entry) => asRead(entry, userId)),
      likes: likes.slice(0, limit).map(({ post }) => post.id),
      isCut: Math.max(posts.length, likes.length) > limit,
    };
  }

  async erase(userId: string): Promise<void> {
    this.erased.add(userId);
    this.entries.forEach((entry, i) => {
      if (entry?.post.authorId === userId) this.entries[i] = undefined;
      entry?.likedBy.delete(userId);
    });
  }
}

function asRead({ post, likedBy }: Entry, readerId: string): ReadPost {
  return { ...post, likes: likedBy.size, likedByReader: likedBy.has(readerId) };
}

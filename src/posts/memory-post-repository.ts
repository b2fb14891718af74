import type { Post, ReadPost } from './post.js';
import { type PostPage, PostRepository } from './post-repository.js';

interface Entry {
  readonly post: Post;
  readonly likedBy: Set<string>;
}

/** Posts in this process's memory. */
export class MemoryPostRepository extends PostRepository {
  /** The post with id n is entry n - 1. */
  private readonly entries: Entry[] = [];

  async create(post: Omit<Post, 'id'>): Promise<ReadPost> {
    const entry = { post: { ...post, id: String(this.entries.length + 1) }, likedBy: new Set<string>() };
    this.entries.push(entry);
    return asRead(entry, post.authorId);
  }

  async list({ readerId, limit, before, from = '1' }: PostPage): Promise<ReadPost[]> {
    const end = Math.min(this.entries.length, before === undefined ? Infinity : Number(before) - 1);
    const page = this.entries
      .slice(Math.max(Number(from) - 1, end - limit, 0), Math.max(end, 0))
      .toReversed();
    return page.map((entry) => asRead(entry, readerId));
  }

  async like(postId: string, readerId: string): Promise<ReadPost | undefined> {
    const entry = this.entries[Number(postId) - 1];
    entry?.likedBy.add(readerId);
    return entry && asRead(entry, readerId);
  }
}

function asRead({ post, likedBy }: Entry, readerId: string): ReadPost {
  return { ...post, likes: likedBy.size, likedByReader: likedBy.has(readerId) };
}

import type { Post, ReadPost } from './post.js';

/** Where posts are kept. Each method is one atomic step; those over Redis reject with `session_store_unavailable`. */
export abstract class PostRepository {
  /** Stores a post and gives it the next id. */
  abstract create(post: Omit<Post, 'id'>): Promise<ReadPost>;
  /** The posts before the one named, newest first. */
  abstract list(page: PostPage): Promise<ReadPost[]>;
  /** Liking twice is liking once. @returns `undefined` when there is no such post */
  abstract like(postId: string, readerId: string): Promise<ReadPost | undefined>;
}

export interface PostPage {
  readonly readerId: string;
  readonly limit: number;
  readonly before?: string;
  /** The oldest that is wanted. */
  readonly from?: string;
}

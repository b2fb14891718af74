import type { Post, ReadPost } from './post.js';

/** Where posts are kept. Each method is one atomic step; those over Redis reject with `session_store_unavailable`. */
export abstract class PostRepository {
  /**
   * Stores a post and gives it the next id.
   * @throws Problem `not_found` for an author who was erased
   */
  abstract create(post: Omit<Post, 'id'>): Promise<ReadPost>;
  /** The posts before the one named, newest first. */
  abstract list(page: PostPage): Promise<ReadPost[]>;
  /** Liking twice is liking once. @returns `undefined` when there is no such post, and for a reader who was erased */
  abstract like(postId: string, readerId: string): Promise<ReadPost | undefined>;
  /** What somebody wrote and likes: so many of each at most, the newest first. */
  abstract of(userId: string, limit: number): Promise<PostsOfUser>;
  /**
   * Deletes what somebody wrote, and their likes. From its first step on they can write and like no more, whatever was
   * under way. It may be repeated.
   */
  abstract erase(userId: string): Promise<void>;
}

export interface PostsOfUser {
  readonly posts: readonly ReadPost[];
  /** The ids of the posts that they like. */
  readonly likes: readonly string[];
  /** There are more. */
  readonly isCut: boolean;
}

export interface PostPage {
  readonly readerId: string;
  readonly limit: number;
  readonly before?: string;
  /** The oldest that is wanted. */
  readonly from?: string;
}

/** What somebody wrote. */
export interface Post {
  /** A whole number as text; later posts have larger ones. */
  readonly id: string;
  readonly authorId: string;
  readonly authorName: string;
  readonly text: string;
  /** Milliseconds since 1970 UTC. */
  readonly createdAt: number;
}

/** A post as one reader sees it. */
export interface ReadPost extends Post {
  readonly likes: number;
  readonly likedByReader: boolean;
}

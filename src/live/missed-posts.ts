import { Injectable } from '@nestjs/common';
import { isId } from '../http/ids.js';
import { PostRepository } from '../posts/post-repository.js';
import { type PostDto, toPostDto } from '../posts/post.dto.js';
import { PostCursor } from './post-cursor.js';

/** So many posts are sent again; who missed more reads the rest page by page. */
const MAX_MISSED = 100;

interface Missed {
  /** The oldest first. */
  readonly posts: readonly PostDto[];
  /** Where they go on from. */
  readonly cursor: PostCursor;
  /** There are more, or nobody can tell what was missed. */
  readonly isCut: boolean;
}

/** What a reader missed between two streams. */
@Injectable()
export class MissedPosts {
  constructor(private readonly posts: PostRepository) {}

  /** @param lastEventId as the client sent it; anything that is no ID of ours counts as none */
  async since(lastEventId: string | undefined, readerId: string): Promise<Missed> {
    if (lastEventId !== '0' && !isId('post', lastEventId)) {
      const [newest] = await this.posts.list({ readerId, limit: 1 });
      return { posts: [], cursor: new PostCursor(Number(newest?.id ?? 0)), isCut: false };
    }
    // The last one seen, too: where it is not there, these are not the posts that the client knows.
    const page = await this.posts.list({ readerId, limit: MAX_MISSED + 2, from: lastEventId });
    const isKnown = lastEventId === '0' || page.at(-1)?.id === lastEventId;
    const after = page.filter(({ id }) => id !== lastEventId);
    if (!isKnown && after.length <= MAX_MISSED)
      return { ...(await this.since(undefined, readerId)), isCut: true };
    const posts = after.slice(0, MAX_MISSED).map(toPostDto).toReversed();
    const isCut = after.length > MAX_MISSED;
    const seen = isCut ? Number(posts[0]?.id) - 1 : Number(lastEventId);
    return { posts, cursor: new PostCursor(seen), isCut };
  }
}

/** So many posts may have overtaken one that does not come, before it is given up. */
const MAX_AHEAD = 100;

/**
 * Up to where a reader has seen all posts. Posts of two nodes may come in another order than they have IDs: the last one
 * that came would hide one that did not.
 */
export class PostCursor {
  private readonly ahead = new Set<number>();

  /** @param upTo the ID of the last post that was seen; 0 for none */
  constructor(private upTo: number) {}

  /** What a client names to go on from there. */
  get id(): string {
    return String(this.upTo);
  }

  /** @returns whether the post is new to the reader */
  add(postId: string): boolean {
    const id = Number(postId);
    if (id <= this.upTo || this.ahead.has(id)) return false;
    this.ahead.add(id);
    if (this.ahead.size > MAX_AHEAD) this.upTo = Math.min(...this.ahead) - 1;
    while (this.ahead.delete(this.upTo + 1)) this.upTo += 1;
    return true;
  }
}

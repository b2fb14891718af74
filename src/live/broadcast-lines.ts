import { isId } from '../http/ids.js';
import type { PostDto } from '../posts/post.dto.js';
import { isInstant, fieldsOf, type Unknowns, UntrustedJson } from '../untrusted/untrusted-json.js';
import type { Broadcast } from './timeline.js';

/** Lines of the channel that carries broadcasts, of which only known fields go on to clients. */
export const BROADCASTS = new UntrustedJson<Broadcast>('A line', ({ name, data }) => {
  const fields = fieldsOf(data);
  if (!fields) return undefined;
  if (name === 'announcement') {
    const { text, by } = fields;
    return typeof text === 'string' && typeof by === 'string' ? { name, data: { text, by } } : undefined;
  }
  const post = name === 'post' ? postIn(fields) : undefined;
  return post && { name: 'post', data: post };
});

function postIn({ id, author, text, createdAt, likes, liked }: Unknowns): PostDto | undefined {
  const { id: authorId, username } = fieldsOf(author) ?? {};
  const isPost =
    isId('post', id) &&
    typeof authorId === 'string' &&
    typeof username === 'string' &&
    typeof text === 'string' &&
    typeof createdAt === 'string' &&
    isInstant(Date.parse(createdAt)) &&
    Number.isSafeInteger(likes) &&
    typeof liked === 'boolean';
  if (!isPost) return undefined;
  return { id, author: { id: authorId, username }, text, createdAt, likes: likes as number, liked };
}

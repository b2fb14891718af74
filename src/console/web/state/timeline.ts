import { call } from './api.js';
import { getState, setState } from './store.js';
import type { Post } from './types.js';

const PAGE = 30;

/** Newest first, each once; what is known of a post already tells whether the reader likes it. */
export function addPost(post: Post): void {
  const { posts } = getState();
  if (posts.some(({ id }) => id === post.id)) return;
  setState({ posts: [post, ...posts].sort((a, b) => Number(b.id) - Number(a.id)) });
}

/** @returns whether there are more */
export async function loadPosts(before?: string): Promise<boolean> {
  const query = before === undefined ? '' : `&before=${before}`;
  const { posts } = await call<{ posts: Post[] }>('GET', `posts?limit=${PAGE}${query}`);
  for (const post of posts) addPost(post);
  return posts.length === PAGE;
}

export async function writePost(text: string): Promise<void> {
  const { post } = await call<{ post: Post }>('POST', 'posts', { text });
  addPost(post);
}

export async function likePost(id: string): Promise<void> {
  const { post } = await call<{ post: Post }>('POST', `posts/${id}/like`);
  setState({ posts: getState().posts.map((one) => (one.id === id ? post : one)) });
}

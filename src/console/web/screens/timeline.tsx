import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Area } from '../parts/field.js';
import { Icon } from '../parts/icons.js';
import { QuotaMeter } from '../parts/meter.js';
import { ProblemNotice } from '../parts/notice.js';
import { Page } from '../parts/page.js';
import { ago, clock, useNow } from '../parts/time.js';
import { useWork } from '../parts/work.js';
import { useStore } from '../state/store.js';
import { likePost, loadPosts, writePost } from '../state/timeline.js';
import type { Post } from '../state/types.js';
import { text } from '../text.js';

const LONGEST = 500;

export function TimelineScreen(): JSX.Element {
  const posts = useStore((state) => state.posts);
  const me = useStore((state) => state.me?.user.username);
  const [hasMore, setMore] = useState(false);
  const work = useWork();
  const now = useNow(15_000);
  const load = (before?: string): void => void work.run(async () => setMore(await loadPosts(before)));
  useEffect(() => load(), []);
  const newest = posts[0];
  const isOthers = newest && newest.author.username !== me && now - Date.parse(newest.createdAt) < 60_000;
  return (
    <Page title={text.timeline.title} intro={text.timeline.intro}>
      <Composer />
      <ProblemNotice problem={work.problem} />
      <p class="sr-only" role="status">
        {isOthers ? text.timeline.announced(newest.author.username) : ''}
      </p>
      {posts.length === 0 && !work.isBusy && <p class="muted">{text.timeline.empty}</p>}
      <ol class="posts">
        {posts.map((post) => (
          <Entry key={post.id} post={post} now={now} />
        ))}
      </ol>
      {hasMore && (
        <button type="button" class="quiet" disabled={work.isBusy} onClick={() => load(posts.at(-1)?.id)}>
          {text.more}
        </button>
      )}
    </Page>
  );
}

function Composer(): JSX.Element {
  const quota = useStore((state) => state.quotas.find(({ name }) => name === 'posts'));
  const [draft, setDraft] = useState('');
  const work = useWork();
  const send = (event: Event): void => {
    event.preventDefault();
    void work.run(() => writePost(draft)).then((isDone) => isDone && setDraft(''));
  };
  return (
    <form class="card composer" onSubmit={send}>
      <Area
        label={text.timeline.label}
        name="text"
        rows={3}
        maxLength={LONGEST}
        placeholder={text.timeline.placeholder}
        required
        value={draft}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
      />
      <ProblemNotice problem={work.problem} />
      <div class="composer-foot">
        {quota && <QuotaMeter quota={quota} />}
        <span class="muted">{text.timeline.left(LONGEST - draft.length)}</span>
        <button id="post" disabled={work.isBusy || draft.trim() === ''}>
          {text.timeline.post}
        </button>
      </div>
    </form>
  );
}

function Entry({ post, now }: { readonly post: Post; readonly now: number }): JSX.Element {
  const work = useWork();
  const { author, likes, liked } = post;
  return (
    <li class="card post">
      <p class="post-head">
        <strong>{author.username}</strong>
        <time class="muted" dateTime={post.createdAt} title={clock(post.createdAt)}>
          {ago(post.createdAt, now)}
        </time>
      </p>
      <p class="post-text">{post.text}</p>
      <button
        type="button"
        class={`like ${liked ? 'on' : ''}`}
        aria-pressed={liked}
        aria-label={text.timeline.like(author.username, likes)}
        disabled={work.isBusy}
        onClick={() => void work.run(() => likePost(post.id))}
      >
        <Icon name="heart" />
        {likes}
      </button>
      <ProblemNotice problem={work.problem} />
    </li>
  );
}

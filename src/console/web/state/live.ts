import { addPost } from './timeline.js';
import { setState } from './store.js';
import type { Post } from './types.js';

interface Keeper {
  /** The server ended the stream, and why. */
  onEnd(code: string): void;
  /** The stream was refused: it does not try again by itself. */
  onRefused(): void;
  /** The browser has opened it again, with whatever cookie there is now. */
  onAgain(): void;
}

const RETRY_MS = 5_000;

let stream: EventSource | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Opens the stream of events, unless it is open. */
export function listen(keeper: Keeper): void {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  unlisten();
  const own = new EventSource('events');
  stream = own;
  let isAgain = false;
  own.addEventListener('hello', () => {
    setState({ isLive: true });
    if (isAgain) keeper.onAgain();
    isAgain = true;
  });
  own.addEventListener('post', ({ data }: MessageEvent<string>) => addPost(JSON.parse(data) as Post));
  own.addEventListener('session-ended', ({ data }: MessageEvent<string>) => {
    if (own !== stream) return;
    unlisten();
    setState({ isLive: false });
    keeper.onEnd((JSON.parse(data) as { code: string }).code);
  });
  // Only a refusal closes it for good; after a lost connection the browser tries again by itself.
  own.addEventListener('error', () => {
    if (own !== stream) return;
    setState({ isLive: false });
    if (own.readyState === EventSource.CLOSED) retry = setTimeout(() => keeper.onRefused(), RETRY_MS);
  });
}

export function unlisten(): void {
  clearTimeout(retry);
  stream?.close();
  stream = undefined;
}

import type { JSX } from 'preact';
import { Icon } from '../parts/icons.js';
import { duration, useNow } from '../parts/time.js';
import { logOut } from '../state/session.js';
import { useStore } from '../state/store.js';
import { text } from '../text.js';

export function Brand(): JSX.Element {
  return (
    <span class="brand">
      <Icon name="key" />
      {text.brand}
    </span>
  );
}

export function Header(): JSX.Element {
  const username = useStore((state) => state.me?.user.username);
  const isLive = useStore((state) => state.isLive);
  return (
    <header class="top">
      <Brand />
      <span class={`live ${isLive ? 'on' : ''}`}>{isLive ? text.live : text.notLive}</span>
      <TimeLeft />
      <span class="who">{username}</span>
      <button type="button" id="logout" class="quiet" onClick={() => void logOut()}>
        {text.logOut}
      </button>
    </header>
  );
}

function TimeLeft(): JSX.Element | null {
  const expiresAt = useStore((state) => state.expiresAt);
  const now = useNow(1_000);
  if (expiresAt === undefined) return null;
  return (
    <span class="pill time-left" title={text.expiry.leftLabel}>
      <Icon name="clock" />
      {text.expiry.left(duration(expiresAt - now))}
    </span>
  );
}

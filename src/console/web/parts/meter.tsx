import type { JSX } from 'preact';
import { remainingAt } from '../state/quotas.js';
import type { Quota } from '../state/store.js';
import { text } from '../text.js';
import { useNow } from './time.js';

const LOW = 0.2;

/** A quota as it drains and fills up again. */
export function QuotaMeter({ quota }: { readonly quota: Quota }): JSX.Element {
  const left = remainingAt(quota, useNow(1_000));
  const share = left / quota.quota;
  const name = text.account.quotaNames[quota.name] ?? quota.name;
  const says = text.account.quota(left, quota.quota, text.account.windows(quota.windowSeconds));
  return (
    <div class={`meter ${share <= LOW ? 'low' : ''}`}>
      <div class="meter-text">
        <span>{name}</span>
        <span class="muted">{says}</span>
      </div>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={`${name}: ${says}`}>
        <rect class="track" width="100" height="4" rx="2" />
        <rect class="fill" width={share * 100} height="4" rx="2" />
      </svg>
    </div>
  );
}

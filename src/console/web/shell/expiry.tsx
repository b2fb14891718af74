import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Notice } from '../parts/notice.js';
import { duration, useNow } from '../parts/time.js';
import { useWork } from '../parts/work.js';
import { ask, askExpiry, askForProof, keepAlive } from '../state/session.js';
import { useStore } from '../state/store.js';
import { text } from '../text.js';

/** Long enough to be found after a phone call. */
const WARNING_MS = 120_000;
/** Activity helps no more: the absolute timeout comes first. */
const SAME_MS = 2_000;

/** Warns before the session times out, once the server has confirmed how long there is. */
export function ExpiryWarning(): JSX.Element | null {
  const expiresAt = useStore((state) => state.expiresAt) ?? Infinity;
  const absolute = useStore((state) => state.me?.session.absoluteExpiresAt);
  const [confirmedFor, setConfirmedFor] = useState<number>();
  const work = useWork();
  const now = useNow(1_000);
  const isSoon = expiresAt - now <= WARNING_MS;
  const isOver = expiresAt - now <= 0;

  // Other tabs may have been used since. Asking is no activity, and tells when it is over.
  useEffect(() => {
    if (isSoon) askExpiry().then(() => setConfirmedFor(Date.now()), ignore);
    else setConfirmedFor(undefined);
  }, [isSoon, isOver]);

  if (!isSoon || confirmedFor === undefined) return null;
  const isAbsolute = absolute !== undefined && Date.parse(absolute) - expiresAt < SAME_MS;
  const stay = (): void =>
    void work.run(async () => {
      if (!isAbsolute) await keepAlive();
      else if (await askForProof()) await ask();
    });
  return (
    <Notice kind="warn" title={text.expiry.warning}>
      <p>{isAbsolute ? text.expiry.atLatest : text.expiry.warningDetail}</p>
      <div class="actions">
        <span class="countdown" aria-hidden="true">
          {duration(expiresAt - now)}
        </span>
        <button type="button" id="stay" disabled={work.isBusy} onClick={stay}>
          {isAbsolute ? text.expiry.prove : text.expiry.stay}
        </button>
      </div>
    </Notice>
  );
}

function ignore(): void {}

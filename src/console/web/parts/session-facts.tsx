import type { JSX } from 'preact';
import type { Session } from '../state/types.js';
import { text } from '../text.js';
import { Facts } from './page.js';
import { ago, clock, duration, moment } from './time.js';

export function deviceName({ device }: Session): string {
  return device.name || device.userAgent || text.devices.unknown;
}

/** A session as its owner or a moderator recognises it. */
export function SessionFacts({
  session,
  now,
}: {
  readonly session: Session;
  readonly now: number;
}): JSX.Element {
  const { device, current, lastSeenAt, createdAt, expiresAt } = session;
  return (
    <div class="session">
      <p class="session-name">
        <strong>{deviceName(session)}</strong>
        {current && <span class="badge good">{text.devices.current}</span>}
      </p>
      {device.name && <p class="muted">{device.userAgent}</p>}
      <Facts
        rows={[
          [
            text.devices.lastSeen,
            <time key="seen" dateTime={lastSeenAt} title={clock(lastSeenAt)}>
              {ago(lastSeenAt, now)}
            </time>,
          ],
          [text.devices.ip, device.ip || '–'],
          [text.devices.since, moment(createdAt)],
          [text.devices.ends, text.expiry.left(duration(Date.parse(expiresAt) - now))],
        ]}
      />
    </div>
  );
}

import type { JSX } from 'preact';
import type { ActivitySecond } from '../../state/types.js';
import { text } from '../../text.js';

const BARS = 60;
const BAR_SECONDS = 5;
const BAR_MS = BAR_SECONDS * 1_000;
const HEIGHT = 60;
const GAP = 0.25;

export function deniedIn({ denied }: ActivitySecond): number {
  return Object.values(denied).reduce((sum, times) => sum + times, 0);
}

/** Permitted and denied, five seconds a bar, one upon the other. The numbers beside it say the same in words. */
export function ActivityChart({
  now,
  seconds,
  label,
}: {
  readonly now: number;
  readonly seconds: readonly ActivitySecond[];
  readonly label: string;
}): JSX.Element {
  const bars = Array.from({ length: BARS }, () => ({ permitted: 0, denied: 0 }));
  const last = Math.floor(now / BAR_MS);
  for (const second of seconds) {
    const bar = bars[BARS - 1 - (last - Math.floor(Date.parse(second.at) / BAR_MS))];
    if (!bar) continue;
    bar.permitted += second.permitted;
    bar.denied += deniedIn(second);
  }
  const most = Math.max(1, ...bars.map(({ permitted, denied }) => permitted + denied));
  const tall = (n: number): number => (n / most) * HEIGHT;
  return (
    <figure class="card chart">
      <svg viewBox={`0 0 ${BARS} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {bars.map(({ permitted, denied }, i) => (
          <g key={i}>
            <rect
              class="permitted"
              x={i + GAP / 2}
              width={1 - GAP}
              y={HEIGHT - tall(permitted)}
              height={tall(permitted)}
            />
            <rect
              class="denied"
              x={i + GAP / 2}
              width={1 - GAP}
              y={HEIGHT - tall(permitted + denied)}
              height={tall(denied)}
            />
          </g>
        ))}
      </svg>
      <figcaption>
        <span class="muted">{text.activity.past}</span>
        <span class="legend">
          <span class="key permitted">{text.activity.permitted}</span>
          <span class="key denied">{text.activity.denied}</span>
        </span>
        <span class="muted">{text.activity.now}</span>
      </figcaption>
    </figure>
  );
}

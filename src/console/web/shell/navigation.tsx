import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { maySee, RANKS, SCREENS, type Screen } from '../state/route.js';
import { text } from '../text.js';

const NAMES = Object.keys(SCREENS) as Screen[];

/** The screens that the user's rank may see, by rank. */
export function Navigation({
  screen,
  roles,
}: {
  readonly screen: Screen;
  readonly roles: readonly string[];
}): JSX.Element {
  const current = useRef<HTMLAnchorElement>(null);
  // On a phone the list is wider than the screen.
  useEffect(() => current.current?.scrollIntoView({ block: 'nearest', inline: 'center' }), [screen]);
  const groups = RANKS.map((rank) => ({
    rank,
    names: NAMES.filter((name) => SCREENS[name] === rank && maySee(name, roles)),
  }));
  return (
    <nav aria-label={text.menu}>
      {groups
        .filter(({ names }) => names.length > 0)
        .map(({ rank, names }) => (
          <div key={rank} class="nav-group">
            <p class="nav-title">{text.groups[rank]}</p>
            <ul>
              {names.map((name) => (
                <li key={name}>
                  <a
                    href={`#/${name}`}
                    aria-current={name === screen ? 'page' : undefined}
                    ref={name === screen ? current : null}
                  >
                    {text.screens[name]}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
    </nav>
  );
}

import type { JSX } from 'preact';

const PATHS = {
  key: 'M8 15a4 4 0 1 1 3.7-5.5H21v4h-3v3h-4v-3h-2.3A4 4 0 0 1 8 15zm0-3a1 1 0 1 0 0-2 1 1 0 0 0 0 2z',
  heart: 'M12 20.3 4.2 12.6a5 5 0 0 1 7.1-7.1l.7.7.7-.7a5 5 0 0 1 7.1 7.1z',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm3 15h2',
  laptop: 'M5 5h14v10H5zM2.5 18.5h19',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 4v5l3 2',
} as const;

const FILLED: ReadonlySet<string> = new Set(['key', 'heart']);

export function Icon({ name }: { readonly name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class={`icon ${FILLED.has(name) ? 'filled' : ''}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

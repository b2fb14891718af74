import { useEffect, useState } from 'preact/hooks';

/** A screen, and the rank that it needs. Screens are named in the address, people and lists never are. */
export const SCREENS = {
  timeline: 'user',
  devices: 'user',
  account: 'user',
  users: 'moderator',
  audit: 'moderator',
  lists: 'admin',
  access: 'admin',
  activity: 'admin',
} as const;

export type Screen = keyof typeof SCREENS;
export const RANKS = ['user', 'moderator', 'admin'] as const;

export function rankOf(roles: readonly string[]): number {
  return Math.max(0, ...roles.map((role) => RANKS.indexOf(role as 'user')));
}

export function maySee(screen: Screen, roles: readonly string[]): boolean {
  return rankOf(roles) >= RANKS.indexOf(SCREENS[screen]);
}

function screenInAddress(): Screen {
  const name = location.hash.replace(/^#\/?/, '');
  return Object.hasOwn(SCREENS, name) ? (name as Screen) : 'timeline';
}

export function useScreen(): Screen {
  const [screen, setScreen] = useState(screenInAddress);
  useEffect(() => {
    const update = (): void => setScreen(screenInAddress());
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return screen;
}

/** The next person begins at the beginning. */
export function leaveScreen(): void {
  history.replaceState(null, '', location.pathname);
}

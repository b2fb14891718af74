import { SCRIPTS } from '../lua/script.js';
import { KEY_BY_KEY } from './open-slot.js';

const OF_USER: readonly string[] = ['user', 'data', 'once'];

it('every script with several keys of a user can go key by key while a Cluster moves their slot', () => {
  const several = Object.entries(SCRIPTS)
    .filter(([, { keys }]) => keys.length > 1 && keys.every((key) => OF_USER.includes(key)))
    .map(([name]) => name);
  // A check goes its own way, by few pieces: it asks for the data apart (storage/redis/session-data-repository.ts).
  expect(['authenticate', ...Object.keys(KEY_BY_KEY)].sort()).toEqual(several.sort());
});

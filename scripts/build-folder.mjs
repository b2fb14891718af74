// Each build is made in a folder of its own below .build and takes the place of `dist` when it is whole. Builds beside
// each other need no lock: the last one to finish wins, and `dist` is never half of one.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const parent = join(dirname(fileURLToPath(import.meta.url)), '../.build');
/** A killed build leaves its folder behind; no build takes this long. */
const LEFT_BEHIND_MS = 3_600_000;
/** Each further attempt means that another build has just taken the same place. */
const MAX_ATTEMPTS = 1000;

/** Resolves with what `build(folder)` gives; the folder is deleted afterwards. */
export async function inBuildFolder(build) {
  mkdirSync(parent, { recursive: true });
  clearLeftovers();
  const folder = mkdtempSync(join(parent, 'build-'));
  try {
    return await build(folder);
  } finally {
    remove(folder);
  }
}

/** Moves `output` to `destination`; what lies there goes to `aside`, a folder that nobody else uses. */
export function putInPlace(output, destination, aside) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      renameSync(destination, join(aside, `replaced-${attempt}`));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    try {
      return renameSync(output, destination);
    } catch (error) {
      const wasTaken = error.code === 'ENOTEMPTY' || error.code === 'EEXIST';
      if (!wasTaken || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function clearLeftovers() {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    const changed = statSync(folder, { throwIfNoEntry: false });
    if (changed && Date.now() - changed.mtimeMs > LEFT_BEHIND_MS) remove(folder);
  }
}

function remove(folder) {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The compiler of a killed build may still be writing there; a later build clears it away.
  }
}

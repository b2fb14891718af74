// `npm run bench`: installs the peers, builds the library, measures everything side by side, and writes what it found.
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLibrary } from '../scripts/build-lib.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const [loadBefore] = loadavg();

if (!args.includes('--no-install')) {
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--loglevel=error'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (npm.status !== 0) process.exit(1);
}
await buildLibrary({ ifNeeded: true });

// Only now: these import the peers and the library.
const { readOptions } = await import('./options.mjs');
const { measureAll } = await import('./measure-all.mjs');
const { writeResults } = await import('./report/write.mjs');

try {
  const options = readOptions(args);
  if (options.help) console.log(options.help);
  else writeResults(await measureAll({ ...options, loadBefore }), options);
  process.exit(0);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exit(1);
}

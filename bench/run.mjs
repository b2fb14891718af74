// `npm run bench`: installs the peers, builds the library, measures everything side by side, and writes what it found.
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { buildLibrary } from '../scripts/build-lib.mjs';

const args = process.argv.slice(2);
const [loadBefore] = loadavg();

if (!args.includes('--no-install')) {
  const install = ['ci', '--ignore-scripts', '--loglevel=error'];
  const npm = spawnSync('npm', install, { cwd: import.meta.dirname, stdio: 'inherit' });
  if (npm.status !== 0) process.exit(1);
}
await buildLibrary({ ifNeeded: true });

// Only now: these import the peers and the library.
const { readOptions, PARTS } = await import('./options.mjs');
const { describeCommit, describeMachine, describePeers } = await import('./measure/machine.mjs');
const { writeResults } = await import('./report/write.mjs');

try {
  const options = readOptions(args);
  if (options.help) console.log(options.help);
  else writeResults(await measureAll(options), options);
  process.exit(0);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exit(1);
}

/** Runs the chosen parts, one after the other, and gives what goes into the JSON. */
async function measureAll(options) {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const log = (line) => console.error(`${String(seconds()).padStart(5)} s  ${line}`);
  const { kind, near, windowMs, users } = options;
  const results = { at: new Date().toISOString(), kind, rounds: near.rounds, windowMs, users, loadBefore };
  Object.assign(results, {
    commit: describeCommit(),
    machine: describeMachine(),
    peers: describePeers(),
  });
  for (const part of PARTS.filter((name) => options.parts.includes(name))) {
    const measure = Object.values(await import(`./parts/${part}.mjs`))[0];
    results[part] = await measure({ ...options, log });
  }
  return { ...results, seconds: seconds() };
}

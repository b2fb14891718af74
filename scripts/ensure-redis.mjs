// Finds redis-server for the tests, and installs it where that is allowed: as root on a system with apt-get.
// jest-global-setup.mjs calls it before all tests; `node scripts/ensure-redis.mjs` does the same and prints the path.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const HOW_TO =
  'redis-server is missing, and the tests need a real one: `apt-get install redis-server` (Debian, Ubuntu), ' +
  '`brew install redis` (macOS), or set REDIS_SERVER to the path of a binary';

/** The path of a redis-server (`REDIS_SERVER`, then `PATH`), or undefined. */
export function findRedisServer() {
  const named = process.env.REDIS_SERVER;
  if (named) return isExecutable(named) ? named : undefined;
  return findExecutable('redis-server');
}

/** Installs Debian packages quietly; nothing of it reaches stdout. Returns what went wrong, or undefined. */
export function installPackages(...packages) {
  if (process.getuid?.() !== 0 || !findExecutable('apt-get')) return 'not root on a system with apt-get';
  // RUNLEVEL=1 keeps the package from starting a server of its own on 6379.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const aptGet = (...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { env, encoding: 'utf8' });
  aptGet('update'); // may fail on one of several sources: whether the install works is what counts
  const installed = aptGet('install', '-y', '--no-install-recommends', ...packages);
  if (installed.status === 0) return undefined;
  const said = (installed.stderr ?? '').trim().split('\n').at(-1);
  return said || `apt-get ended with ${installed.status ?? installed.signal}`;
}

/** The path of an executable in `PATH`, or undefined. */
export function findExecutable(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Makes sure that there is a redis-server, or throws an error of one line that says how to get it. */
export default function ensureRedis() {
  let problem;
  if (!findRedisServer() && !process.env.REDIS_SERVER) problem = installPackages('redis-server');
  const path = findRedisServer();
  // The error has no stack, so that Jest and node print the one line that helps.
  if (!path) throw oneLine(problem ? `${HOW_TO} (not installed by itself: ${problem})` : HOW_TO);
  process.env.REDIS_SERVER = path; // for the test workers, which inherit it
  return path;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function oneLine(message) {
  const error = new Error(message);
  error.stack = message;
  return error;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(ensureRedis());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

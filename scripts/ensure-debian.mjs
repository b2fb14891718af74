// Finds the programs that the tests need, and installs those that are missing where that is allowed: as root on a system
// with apt-get. `node scripts/ensure-debian.mjs redis-server chromium` does it by hand and prints each one's path.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** By Debian package: the variable that names a binary, what it is called elsewhere, and how people get it. */
const PROGRAMS = {
  'redis-server': {
    variable: 'REDIS_SERVER',
    commands: ['redis-server'],
    howTo:
      'redis-server is missing, and the tests need a real one: `apt-get install redis-server` (Debian, Ubuntu), ' +
      '`brew install redis` (macOS), or set REDIS_SERVER to the path of a binary',
  },
  chromium: {
    variable: 'CHROMIUM',
    commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    howTo:
      'Chromium is missing, and some tests need a real browser: `apt-get install chromium` (Debian), ' +
      'or set CHROMIUM to the path of a binary of Chromium or Chrome',
  },
  'nats-server': {
    variable: 'NATS_SERVER',
    commands: ['nats-server'],
    howTo:
      'nats-server is missing, and some tests need a real one: `apt-get install nats-server` (Debian, Ubuntu), ' +
      '`brew install nats-server` (macOS), or set NATS_SERVER to the path of a binary',
  },
  'rabbitmq-server': {
    variable: 'RABBITMQ_SERVER_SCRIPT',
    // Debian's own command in PATH changes the user, and with it the folders.
    commands: ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'],
    howTo:
      'rabbitmq-server is missing, and some tests need a real one: `apt-get install rabbitmq-server` (Debian, Ubuntu), ' +
      "`brew install rabbitmq` (macOS), or set RABBITMQ_SERVER_SCRIPT to the path of RabbitMQ's own script",
  },
  nginx: {
    variable: 'NGINX',
    commands: ['nginx', '/usr/sbin/nginx'],
    howTo:
      'nginx is missing, and an example runs behind a real one: `apt-get install nginx` (Debian, Ubuntu), ' +
      '`brew install nginx` (macOS), or set NGINX to the path of a binary',
  },
  prometheus: {
    variable: 'PROMETHEUS',
    commands: ['prometheus'],
    howTo:
      'prometheus is missing, and a test loads the alerts into a real one: `apt-get install prometheus` (Debian, Ubuntu), ' +
      '`brew install prometheus` (macOS), or set PROMETHEUS to the path of a binary with promtool beside it',
  },
  openssl: {
    variable: 'OPENSSL',
    commands: ['openssl'],
    howTo:
      'openssl is missing, which makes the certificates of a test: `apt-get install openssl`, or set OPENSSL',
  },
  postgresql: {
    variable: 'POSTGRES',
    // Debian keeps the server apart from PATH, by its version; beside it lies `initdb`.
    commands: [
      'postgres',
      ...[17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
    ],
    howTo:
      'PostgreSQL is missing, and an example needs a real one: `apt-get install postgresql` (Debian, Ubuntu), ' +
      '`brew install postgresql` (macOS), or set POSTGRES to the path of the server `postgres`',
  },
};

/**
 * Makes sure that a program is there.
 * @param name a key of `PROGRAMS`
 * @returns its path, which the variable of its own names from then on, also for child processes
 * @throws Error of one line that says how to get it
 */
export function ensureProgram(name) {
  const { variable, howTo } = PROGRAMS[name];
  let problem;
  if (!findProgram(name) && !process.env[variable]) problem = installPackage(name);
  const path = findProgram(name);
  // The error has no stack, so that Jest and node print the one line that helps.
  if (!path) throw oneLine(problem ? `${howTo} (not installed by itself: ${problem})` : howTo);
  process.env[variable] = path;
  return path;
}

function findProgram(name) {
  const { variable, commands } = PROGRAMS[name];
  const named = process.env[variable];
  if (named) return isExecutable(named) ? named : undefined;
  return commands.map(findExecutable).find((path) => path !== undefined);
}

/** Installs a Debian package quietly; nothing of it reaches stdout. Returns what went wrong, or undefined. */
function installPackage(name) {
  if (process.getuid?.() !== 0 || !findExecutable('apt-get')) return 'not root on a system with apt-get';
  // RUNLEVEL=1 keeps the package from starting a server of its own on 6379.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const aptGet = (...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { env, encoding: 'utf8' });
  aptGet('update'); // may fail on one of several sources: whether the install works is what counts
  const installed = aptGet('install', '-y', '--no-install-recommends', name);
  if (installed.status === 0) return undefined;
  const said = (installed.stderr ?? '').trim().split('\n').at(-1);
  return said || `apt-get ended with ${installed.status ?? installed.signal}`;
}

/** The path of an executable in `PATH`, or undefined. */
function findExecutable(name) {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
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
    const names = process.argv.slice(2);
    const unknown = names.find((name) => !Object.hasOwn(PROGRAMS, name));
    if (names.length === 0 || unknown !== undefined)
      throw oneLine(`Name some of ${Object.keys(PROGRAMS).join(', ')}${unknown ? `, not ${unknown}` : ''}`);
    for (const name of names) console.log(ensureProgram(name));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

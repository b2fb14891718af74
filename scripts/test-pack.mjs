// Installs the packed library into fresh apps outside the repository and uses it there: a Nest 12 app of ES modules and
// a Nest 11 app of CommonJS, each in memory, against a real redis-server, and tested by Vitest or Jest; and the apps that
// the documents build.
// KEEP=1 leaves the apps for a look.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { Redis } from 'ioredis';
import { ensureProgram } from './ensure-debian.mjs';
import { deadLinks, markdownFiles } from './docs/markdown.mjs';
import { packLibrary } from './pack-lib.mjs';
import { makeAppsOfPages, walkGettingStarted, walkQuickStart } from './pack-walk.mjs';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const appSources = join(here, 'pack-app');
const running = new Set();

const apps = [
  {
    name: 'Nest 12, ES modules',
    folder: 'nest12-esm',
    type: 'module',
    dependencies: {
      '@nestjs/passport': '^12',
      ioredis: '^6',
      typescript: '~6.0.3',
      vitest: '^3', // 4 wants Node 22
      ...nest('^12'),
    },
    test: ['node_modules/vitest/vitest.mjs', 'run', '--globals', '--dir', 'dist'],
  },
  {
    name: 'Nest 11, CommonJS',
    folder: 'nest11-cjs',
    type: 'commonjs',
    dependencies: {
      '@nestjs/passport': '^11',
      ioredis: '^5.4',
      jest: '^30',
      typescript: '~5.9.3',
      ...nest('^11'),
    },
    test: ['node_modules/jest/bin/jest.js', '--rootDir', 'dist'],
  },
];

function nest(version) {
  const packages = [
    'common',
    'core',
    'microservices',
    'platform-express',
    'platform-socket.io',
    'platform-ws',
    'swagger',
    'terminus',
    'testing',
    'websockets',
  ];
  const names = packages.map((name) => [`@nestjs/${name}`, version]);
  const others = {
    '@nestjs/throttler': '^6',
    '@opentelemetry/api': '^1.9',
    jose: '^6',
    passport: '^0.7',
    'prom-client': '^15',
    'reflect-metadata': '^0.2',
    rxjs: '^7.8',
    supertest: '^7',
    ws: '^8',
    '@types/supertest': '^7',
    '@types/ws': '^8',
  };
  return { ...Object.fromEntries(names), ...others, '@types/node': '^20', '@types/passport': '^1' };
}

async function makeApp(app, folder, tarball) {
  mkdirSync(join(folder, 'src'), { recursive: true });
  const dependencies = { ...app.dependencies, '@latchkey/session': `file:${tarball}` };
  writeJson(join(folder, 'package.json'), { name: app.folder, private: true, type: app.type, dependencies });
  writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: {
      target: 'ES2023',
      module: 'nodenext', // by package.json's type: ES modules or CommonJS
      strict: true,
      esModuleInterop: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      outDir: 'dist',
      rootDir: 'src',
      types: ['node'],
    },
    include: ['src'],
  });
  cpSync(appSources, join(folder, 'src'), { recursive: true });
  const npmFlags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
  await run('npm', ['install', '--loglevel=error', ...npmFlags], { cwd: folder });
  // skipLibCheck is off here: the library's own declarations are checked as a strict app sees them.
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder });
  const compiled = readFileSync(join(folder, 'dist/main.js'), 'utf8');
  assert.equal(
    /\brequire\("@latchkey\/session"\)/.test(compiled),
    app.type === 'commonjs',
    'compiled as planned',
  );
}

/** The kit for tests works with other runners than this repository's. */
async function tryKit(app, folder) {
  const { stdout, stderr } = await run(process.execPath, app.test, {
    cwd: folder,
    env: { ...process.env, CI: '1' },
  });
  assert.match(stripVTControlCharacters(stdout + stderr), /Tests:?\s+3 passed/, 'the tests of kit.test.ts');
}

/** Subpaths that have types only. */
const TYPE_DOORS = ['audit', 'users'];

/** Debuggers and editors find the sources: every map names files that the tarball has. */
function tryMaps(folder) {
  const library = join(folder, 'node_modules/@latchkey/session');
  const maps = readdirSync(library, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.map'),
  );
  assert.ok(maps.length > 0, 'there are maps');
  for (const name of maps) {
    const { sources } = JSON.parse(readFileSync(join(library, name), 'utf8'));
    for (const source of sources)
      assert.ok(existsSync(join(library, name, '..', source)), `${name}: ${source}`);
  }
}

/** Every door opens, to `import` and to `require`, and under every way in which TypeScript looks for it. */
async function tryDoors(folder) {
  const { exports, typesVersions } = JSON.parse(
    readFileSync(join(folder, 'node_modules/@latchkey/session/package.json'), 'utf8'),
  );
  const doors = Object.keys(exports).filter((door) => door !== './package.json');
  const subpaths = doors.filter((door) => door !== '.').map((door) => door.slice(2));
  assert.deepEqual(Object.keys(typesVersions['*']), subpaths, 'typesVersions has every subpath');
  const names = JSON.stringify(doors.map((door) => `@latchkey/session${door.slice(1)}`));
  const onlyTypes = JSON.stringify(TYPE_DOORS.map((door) => `@latchkey/session/${door}`));
  for (const script of [
    `for (const name of ${names}) if (!Object.keys(require(name)).length && !${onlyTypes}.includes(name)) throw new Error(name);`,
    `void (async () => { for (const name of ${names}) await import(name); })();`,
  ]) {
    await run(process.execPath, ['-e', `require('reflect-metadata'); ${script}`], { cwd: folder });
  }
  const { stdout } = await run(process.execPath, [join(here, 'pack-types.mjs'), folder]);
  process.stdout.write(stdout);
}

/** The doors besides HTTP. */
async function tryMessages(folder) {
  const env = { ...process.env, TCP_PORT: String(await freePort()) };
  const { stdout } = await run(process.execPath, ['dist/messages.js'], { cwd: folder, env });
  assert.equal(stdout, 'gateways and messages are guarded\n');
}

/** With jose, `/jwt` works; without it, all the rest does, and whoever asks for JWTs is told what is missing. */
async function tryJwt(folder) {
  const { stdout } = await run(process.execPath, ['dist/jwt.js'], { cwd: folder });
  const [requests, jwks] = stdout.split('\n');
  assert.match(requests, /^200 {"id":"alice"} 200 {"issuer":"app"} 401 .*"code":"service_token_invalid"/);
  assert.match(
    jwks,
    /^200 {"keys":\[{"crv":"Ed25519","x":"[\w-]+","kty":"OKP","kid":"a","alg":"EdDSA","use":"sig"}\]}$/,
  );
  rmSync(join(folder, 'node_modules/jose'), { recursive: true });
  const refused = await run(process.execPath, ['dist/main.js'], { cwd: folder, env: { JWT: '1' } }).then(
    () => 'nothing',
    ({ stdout: out, stderr }) => out + stderr,
  );
  assert.match(refused, /accessToken is 'jwt', which needs the package jose: npm install jose@6/);
}

async function tryApp(folder, env) {
  const { PATH, HOME } = process.env;
  const child = start(process.execPath, ['dist/main.js'], { cwd: folder, env: { PATH, HOME, ...env } });
  const url = /listening on (\S+) with a session of bob/.exec(await waitFor(child, /^listening on .*\n/m))[1];
  const call = async (method, path, token) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(`${url}${path}`, { method, headers });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  };
  const login = async () => {
    const { status, body } = await call('POST', '/login');
    assert.equal(status, 200);
    return body.token;
  };
  const expectDenial = async (path, token, status, code) => {
    const denied = await call('GET', path, token);
    assert.deepEqual([denied.status, denied.body.code], [status, code], `${path} is denied`);
  };

  await expectDenial('/me', undefined, 401, 'session_missing');
  await expectDenial('/me', 'lk_nonsense', 401, 'session_invalid');
  const token = await login();
  const me = await call('GET', '/me', token);
  assert.deepEqual(me, { status: 200, body: { id: 'alice', roles: ['user'], device: 'laptop' } });
  assert.equal((await call('GET', '/me-by-passport', token)).status, 200);
  await expectDenial('/moderation', token, 403, 'forbidden');
  const throttled = [];
  for (let i = 0; i < 3; i++) throttled.push((await call('GET', '/throttled')).status);
  assert.deepEqual(throttled, [200, 200, 429]);
  assert.equal((await call('DELETE', '/session', token)).status, 204);
  await expectDenial('/me', token, 401, 'session_revoked');
  await expectDenial('/me-by-passport', token, 401, 'session_revoked');
  const second = await login();
  assert.equal((await call('POST', '/block')).status, 204);
  await expectDenial('/me', second, 403, 'user_blocked');

  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const [code, signal] = await closed;
  assert.ok(code === 0 || signal === 'SIGTERM', `the app ends on SIGTERM, not with ${code ?? signal}`);
}

async function tryWithRedis(folder) {
  await withRedis(async (port) => {
    await tryApp(folder, { REDIS_URL: `redis://127.0.0.1:${port}` });
    const redis = new Redis(port, '127.0.0.1');
    const keys = await redis.keys('lk:*');
    redis.disconnect();
    assert.equal(keys.filter((key) => key.startsWith('lk:throttle:')).length, 1, `of ${keys.join(' ')}`);
    // alice's and bob's: the scripts of the tarball wrote them, and an app that fell back to memory would not.
    assert.equal(keys.filter((key) => key.endsWith(':user')).length, 2, `user keys among ${keys.join(' ')}`);
  });
}

/** The program that the package brings, with a configuration of the app's own. */
async function tryCli(folder) {
  await withRedis(async (port) => {
    const config = "export default () => ({ redis: process.env.OF_APP, keyPrefix: 'cli' });\n";
    writeFileSync(join(folder, 'latchkey.config.mjs'), config);
    const command = (...args) =>
      run('npx', ['--no-install', 'latchkey', ...args, '--config', 'latchkey.config.mjs'], {
        cwd: folder,
        env: { ...process.env, OF_APP: `redis://127.0.0.1:${port}` },
      }).catch((error) => error);
    // Its Redis keeps nothing over a restart: a warning, and so the exit code is 1.
    const examined = await command('doctor', '--json', '--timeout', '5000');
    const { level, findings } = JSON.parse(examined.stdout);
    assert.deepEqual([examined.code, level], [1, 'warn'], examined.stdout + examined.stderr);
    const others = findings.filter((one) => one.level !== 'ok').map(({ check }) => check);
    assert.deepEqual(others, ['persistence']);
    const refused = await command('block', 'ada', '--reason', 'x');
    assert.deepEqual([refused.code, /add --yes/.test(refused.stderr)], [2, true], refused.stderr);
  });
}

async function withRedis(use) {
  const port = await freePort();
  const server = start(ensureProgram('redis-server'), [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
  ]);
  try {
    await waitFor(server, /Ready to accept connections/);
    await use(port);
  } finally {
    await end(server);
  }
}

/** The apps of the documents that the tarball holds, made, started and asked as their pages say. */
async function tryPages(folder, tarball) {
  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', unpacked]);
  const pages = join(unpacked, 'package');
  assert.deepEqual(deadLinks(markdownFiles(pages), pages), [], 'links in the tarball lead somewhere in it');
  const apps = await makeAppsOfPages(join(folder, 'apps'), {
    tarball,
    gettingStarted: { path: 'docs/getting-started-part-4.md', folder: pages },
    readme: { path: 'README.md', folder: pages },
  });
  console.log('ok: getting started, its commands and its end-to-end test');
  await startedPage(apps.quickStart, {}, walkQuickStart);
  console.log('ok: quick start of the README');
  await startedPage(apps.gettingStarted, {}, walkGettingStarted);
  await withRedis(async (port) => {
    const env = { REDIS_URL: `redis://127.0.0.1:${port}` };
    const { token } = await startedPage(apps.gettingStarted, env, walkGettingStarted);
    // Another process knows the session, and all that the first one wrote.
    await startedPage(apps.gettingStarted, env, async (url) => {
      const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(me.status, 200, 'the session survives a restart');
    });
  });
  console.log('ok: getting started, in memory and on Redis');
}

async function startedPage(folder, env, use) {
  const { PATH, HOME } = process.env;
  const port = await freePort();
  const settings = { PATH, HOME, PORT: String(port), ...env };
  const child = start(process.execPath, ['dist/src/main.js'], { cwd: folder, env: settings });
  await waitFor(child, /successfully started/);
  const url = `http://127.0.0.1:${port}`;
  await waitUntilListening(child, url);
  const result = await use(url);
  await end(child);
  return result;
}

/** Nest says that it has started a moment before it listens. */
async function waitUntilListening(child, url) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && running.has(child); await sleep(20)) {
    const isThere = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
  throw new Error(`${url} does not listen:\n${child.text}`);
}

async function end(child) {
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

function start(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  child.text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (child.text += chunk));
  }
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

async function waitFor(child, pattern) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && running.has(child); await sleep(20)) {
    if (pattern.test(child.text)) return child.text;
  }
  throw new Error(`${child.spawnargs.join(' ')} did not say ${pattern}:\n${child.text}`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function writeJson(path, content) {
  writeFileSync(path, JSON.stringify(content, null, 2));
}

const workFolder = mkdtempSync(join(tmpdir(), 'latchkey-test-pack-'));
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  if (process.env.KEEP) console.log(`kept: ${workFolder}`);
  else rmSync(workFolder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));

try {
  const tarball = await packLibrary(workFolder);
  const { stdout } = await run('tar', ['-tzf', tarball]);
  for (const name of ['README.md', 'LICENSE'])
    assert.ok(stdout.includes(`package/${name}\n`), `${name} is packed`);
  assert.doesNotMatch(
    stdout,
    /\.spec\.|\.lua\n/,
    'no specs are packed, and no scripts but those in the build',
  );
  await Promise.all([
    tryPages(join(workFolder, 'pages'), tarball),
    ...apps.map(async (app) => {
      const folder = join(workFolder, app.folder);
      await makeApp(app, folder, tarball);
      await tryDoors(folder);
      tryMaps(folder);
      await tryKit(app, folder);
      console.log(`ok: ${app.name}, the kit for tests`);
      await tryMessages(folder);
      console.log(`ok: ${app.name}, gateways and messages`);
      await tryJwt(folder);
      console.log(`ok: ${app.name}, JWTs`);
      await tryApp(folder, {});
      console.log(`ok: ${app.name}, in memory`);
      await tryWithRedis(folder);
      console.log(`ok: ${app.name}, Redis`);
      await tryCli(folder);
      console.log(`ok: ${app.name}, npx latchkey`);
    }),
  ]);
} catch (error) {
  console.error(error.stdout || error.stderr ? `${error.message}\n${error.stdout}${error.stderr}` : error);
  process.exit(1);
}

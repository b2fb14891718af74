// Follows the documents as a new user does, with the packed library: makes the app of getting started from its pages'
// code blocks and commands, and that of the library's README, starts them and asks them. Nothing is copied from the
// pages: a step that they leave out is missing here, too.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readPage } from './docs/markdown.mjs';
import { partsUpTo } from './docs/snippets.mjs';

const run = promisify(execFile);
const QUIET = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_ignore_scripts: 'true',
  npm_config_prefer_offline: 'true',
  npm_config_loglevel: 'error',
};

/**
 * Makes both apps below `folder` and runs the end-to-end test of the first. Returns the folders of the apps.
 * @param pages where the pages lie: the last part of getting started, and the README
 */
export async function makeAppsOfPages(folder, { tarball, gettingStarted, readme }) {
  mkdirSync(folder, { recursive: true });
  const app = join(folder, 'my-api');
  const parts = partsUpTo(gettingStarted.path).map((path) => readPage(path, gettingStarted.folder));
  let shell = folder;
  for (const { file, text, isRun } of parts.flatMap(({ blocks }) => blocks)) {
    if (file) writeAt(join(app, file), text);
    if (!isRun) continue;
    const commands = text.replaceAll('@latchkey/session', `file:${tarball}`);
    await run('sh', ['-e', '-c', commands], { cwd: shell, env: { ...process.env, ...QUIET } });
    shell = app;
  }
  const quickStart = join(folder, 'quick-start');
  for (const { file, text } of readPage(readme.path, readme.folder).blocks)
    if (file) writeAt(join(quickStart, file), text);
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(app, name), join(quickStart, name));
  symlinkSync(join(app, 'node_modules'), join(quickStart, 'node_modules'));
  await run('npm', ['run', '--silent', 'build'], { cwd: quickStart });
  return { gettingStarted: app, quickStart };
}

function writeAt(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Asks a running app of getting started for all that its pages promise. */
export async function walkGettingStarted(url) {
  const call = callerOf(url);
  const ada = { username: 'ada', password: 'engine-no-1' };
  const { body: registered } = await call('POST /register', { body: ada, status: 201 });
  await call('POST /register', { body: ada, status: 409 });

  await call('POST /login', { body: { ...ada, password: 'wrong' }, status: 401 });
  await call('POST /login', { body: { ...ada, username: 'nemo' }, status: 401 });
  const { body: login } = await call('POST /login', { body: { ...ada, transport: 'bearer' }, status: 200 });
  const bearer = { authorization: `Bearer ${login.token}` };
  const me = await call('GET /me', { headers: bearer, status: 200 });
  assert.deepEqual(me.body, { id: registered.id, roles: ['user'] });

  await call('POST /login', { body: ada, headers: { origin: 'https://evil.example' }, status: 403 });
  const browser = await call('POST /login', { body: ada, headers: { origin: url }, status: 200 });
  const cookie = browser.cookie.split(';')[0];
  assert.match(browser.cookie, /^__Host-session=lk_.*; HttpOnly; Secure; SameSite=Lax/i);
  await call('GET /me', { headers: { cookie }, status: 200 });
  assert.equal((await call('GET /sessions', { headers: { cookie }, status: 200 })).body.length, 2);
  const foreign = { cookie, origin: 'https://evil.example' };
  await call('POST /logout', { headers: foreign, status: 403, code: 'cross_origin' });
  await call('POST /logout', { headers: { cookie, origin: url }, status: 204 });
  await call('GET /me', { headers: { cookie }, status: 401, code: 'session_revoked' });

  await call('GET /me', { status: 401, code: 'session_missing' });
  await call('POST /users/x/block', {
    headers: bearer,
    body: { reason: 'spam' },
    status: 403,
    code: 'forbidden',
  });

  assert.equal((await call('GET /posts', { status: 200 })).body.reader, null);
  const post = { headers: bearer, body: { text: 'hello' } };
  for (let i = 0; i < 3; i++) await call('POST /posts', { ...post, status: 201 });
  await call('POST /posts', { ...post, status: 429, code: 'rate_limited' });
  return { token: login.token };
}

/** Asks a running app of the README's quick start. */
export async function walkQuickStart(url) {
  const call = callerOf(url);
  const ada = { username: 'ada', password: 'engine-no-1', transport: 'bearer' };
  const mia = { username: 'mia', password: 'be-kind-now' };
  await call('POST /login', { body: { ...ada, username: 'nemo' }, status: 401 });
  const { token } = (await call('POST /login', { body: ada, status: 200 })).body;
  const bearer = { authorization: `Bearer ${token}` };
  await call('GET /me', { headers: bearer, status: 200 });
  const cookie = (
    await call('POST /login', { body: mia, headers: { origin: url }, status: 200 })
  ).cookie.split(';')[0];
  await call('POST /users/1/block', { headers: { cookie, origin: url }, status: 201 });
  await call('GET /me', { headers: bearer, status: 403, code: 'user_blocked' });
  const wrong = { username: 'ada', password: 'wrong' };
  const statuses = [];
  // One more is allowed every six seconds, which a busy machine may need for ten logins.
  while (statuses.at(-1) !== 429 && statuses.length < 40)
    statuses.push((await call('POST /login', { body: wrong })).status);
  assert.equal(statuses.at(-1), 429, `the quota of logins refuses at last: ${statuses.join(' ')}`);
}

function callerOf(url) {
  return async (what, { body, headers = {}, status, code }) => {
    const [method, path] = what.split(' ');
    const response = await fetch(url + path, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (status) assert.equal(response.status, status, `${what} answers ${response.status} ${text}`);
    const answer = text ? JSON.parse(text) : undefined;
    if (code) assert.equal(answer.code, code, `${what} is refused as ${answer.code}`);
    return { status: response.status, body: answer, cookie: response.headers.get('set-cookie') };
  };
}

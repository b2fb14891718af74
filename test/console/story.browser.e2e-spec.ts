import { readFileSync } from 'node:fs';
import { AuditLog } from '@latchkey/session';
import type { Browser } from 'playwright-core';
import { buildSample } from '../sample/support/build.js';
import { Client } from '../sample/support/client.js';
import { Sample } from '../sample/support/sample.js';
import { AppProcess } from '../support/app-process.js';
import { INSTALL_TIMEOUT_MS, launchChromium } from '../support/chromium.js';
import { RedisServer } from '../support/redis-server.js';
import { ConsoleWindow } from './support/console-window.js';

const PHONE = 'My old phone';
const SECRET = 'a post that only those who are logged in read';
/** Generous to a busy machine; a person would call it at once. */
const AT_ONCE_MS = 2_000;

let browser: Browser;
const started: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  await buildSample();
  browser = await launchChromium();
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await browser?.close();
  for (const one of started.reverse()) await one.stop();
});

async function startNode(env: Record<string, string> = {}): Promise<string> {
  const app = await AppProcess.start({ env: { POST_QUOTA: '5', ...env } });
  started.push(app);
  return app.url;
}

/** The nodes of two windows side by side. */
const STORAGES: readonly (readonly [string, () => Promise<readonly [string, string]>])[] = [
  [
    'memory',
    async () => {
      const url = await startNode();
      return [url, url];
    },
  ],
  [
    'Redis, with a window on each of two nodes',
    async () => {
      const redis = await RedisServer.start();
      started.push(redis);
      const env = { REDIS_URL: redis.url };
      return [await startNode(env), await startNode(env)];
    },
  ],
];

describe.each(STORAGES)('The console on %s', (storage, start) => {
  const isMemory = storage === 'memory';
  let left: ConsoleWindow;
  let right: ConsoleWindow;
  let phone: Client;
  const findings: string[] = [];

  /** Pictures and axe once: what is drawn does not depend on the storage. */
  const look = async (window: ConsoleWindow, name: string): Promise<void> => {
    if (isMemory) findings.push(...(await window.look(name)));
  };

  beforeAll(async () => {
    const [mine, theirs] = await start();
    [left, right] = await Promise.all([
      ConsoleWindow.open(browser, mine),
      ConsoleWindow.open(browser, theirs),
    ]);
    phone = await new Client(theirs).login('alice', 'correct-horse-alice', { deviceName: PHONE });
  });

  afterAll(async () => {
    await left?.context.close();
    await right?.context.close();
  });

  it('logs in by the keyboard alone, and tells a wrong password', async () => {
    await look(right, 'welcome');
    const { keyboard } = right.page;
    const isFocused = (name: string): Promise<unknown> =>
      right.page.evaluate(`document.activeElement?.name === '${name}'`);
    for (let i = 0; i < 10 && !(await isFocused('username')); i++) await keyboard.press('Tab');
    await keyboard.type('alice');
    await keyboard.press('Tab');
    await keyboard.type('wrong');
    await keyboard.press('Enter');
    await right.says(/password is wrong/);
    await right.page.getByLabel('Password').focus();
    await keyboard.press('Control+A');
    await keyboard.type('correct-horse-alice');
    await keyboard.press('Enter');
    await right.page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await keyboard.press('Shift+Tab'); // from the heading, where readers begin, back to the screens
    expect(await right.page.evaluate("document.activeElement?.closest('nav') !== null")).toBe(true);
  });

  it('shows a post in the other window, its quota and its likes', async () => {
    await left.logIn('mia');
    await right.page.getByLabel('New post').fill(SECRET);
    await right.page.click('#post');
    await right.says('4 of 5 left, per minute');
    await left.says(SECRET);
    await left.button(/Like the post of alice/).click();
    await left.button(/1 like so far/).waitFor();
    await look(right, 'timeline');
  });

  it('lists my devices and ends one of them', async () => {
    await right.go('My devices');
    await right.says('This device');
    await look(right, 'devices');
    await right.button(`End the session on ${PHONE}`).click();
    await right.says('by you, from this window');
    expect(await right.page.evaluate('document.activeElement?.textContent')).toBe('My devices');
    expect(await phone.denial()).toBe('session_revoked');
    await right.go('Account');
    await right.says(/ of 600 left, per minute/);
    await look(right, 'account');
  });

  it('blocks on the left, and on the right the user is out at once and reads why', async () => {
    await left.go('Users');
    await left.button('alice').waitFor();
    await look(left, 'users');
    await left.go('Timeline');
    const showAll = await left.holdFirst(/moderation\/users\?limit/);
    await left.go('Users');
    await left.page.getByLabel('Find a user').fill('alice');
    await left.page.keyboard.press('Enter'); // also while the list still loads
    await left.page.getByRole('heading', { name: 'alice' }).waitFor();
    await showAll();
    await left.page.getByLabel('Reason').fill('Too cheerful');
    await left.page.getByLabel('For how long').selectOption('1 day');
    await look(left, 'user');
    const since = Date.now();
    await left.page.click('#block');
    await right.says('You have been blocked');
    expect(Date.now() - since).toBeLessThan(AT_ONCE_MS);
    await right.says('Reason: Too cheerful');
    const receipt = left.page.getByRole('status').filter({ hasText: 'The block holds' });
    const numbers = await receipt.getByRole('definition').allInnerTexts();
    expect(numbers.map(Number)).toEqual([1, 1, isMemory ? 1 : 2, expect.any(Number)]);
    await look(left, 'receipt');
    await look(right, 'blocked');
  });

  it('keeps nothing private of who was blocked', async () => {
    expect(await right.content()).not.toMatch(new RegExp(`${SECRET}|127\\.0\\.0\\.1|${PHONE}`));
    expect(right.page.url()).toBe(`${right.url}/`);
    await right.page.getByLabel('User name').fill('alice');
    await right.page.getByLabel('Password').fill('correct-horse-alice');
    await right.page.click('#login');
    await right.page.locator('#login:enabled').waitFor();
    await right.page.getByRole('alert').filter({ hasText: 'Too cheerful' }).waitFor();
    await left.page.click('#unblock');
    await left.says('alice may log in again. Old sessions stay ended.');
    expect(await left.page.evaluate('document.activeElement?.textContent')).toBe('alice'); // a keyboard goes on there
    await right.page.click('#login');
    await right.button('Log out').waitFor();
  });

  it('ends all sessions of a user, and refuses what is above the own rank', async () => {
    await left.button('Log out everywhere').click();
    await look(left, 'confirm');
    await left.page.getByRole('dialog').getByRole('button', { name: 'Log out everywhere' }).click();
    await right.says('This session was ended');
    await left.page.getByLabel('Find a user').fill('roo');
    expect(await left.page.locator('#block').count()).toBe(0); // alice is not who was asked for
    await left.button(/^root/).click();
    await left.says('You act on lower ranks only');
    expect(await left.page.locator('#block').count()).toBe(0);
    await left.logOut();
    expect(await left.content()).not.toMatch(/alice may|Too cheerful/);
  });

  it('asks for the password again before a role changes, and the new one holds at once', async () => {
    await right.logIn('alice');
    expect(await right.page.getByRole('link', { name: 'Users' }).count()).toBe(0);
    await left.logIn('root');
    await left.go('Users');
    await left.button(/^alice/).click();
    // As ten minutes after the login.
    const stale = { status: 401, contentType: 'application/problem+json' };
    const body = JSON.stringify({ status: 401, code: 'reauthentication_required', detail: 'A fresh login' });
    await left.page.route('**/roles', (route) => route.fulfill({ ...stale, body }), { times: 1 });
    await left.page.getByLabel('New role').selectOption('moderator');
    await left.page.click('#set-role');
    await left.page.getByRole('dialog').getByLabel('Password').waitFor();
    await look(left, 'proof');
    await left.page.getByRole('dialog').getByLabel('Password').fill('correct-horse-root');
    await left.page.keyboard.press('Enter');
    await left.says('The role holds');
    await right.page.reload();
    await right.page.getByRole('link', { name: 'Users' }).waitFor();
  });

  it('warns an admin before a list locks them out', async () => {
    await left.go('IP lists');
    await left.says('Your own address is 127.0.0.1.');
    const ranges = left.page.getByLabel('Addresses and ranges');
    const before = await ranges.inputValue();
    await ranges.fill('10.0.0.0/8');
    await ranges.fill('10.0.0.0/8 nonsense');
    await left.page.click('#save-list');
    await left.page.getByRole('alert').filter({ hasText: 'nonsense' }).waitFor();
    expect(await left.page.getByRole('alert').count()).toBe(1); // at its field, and not once more
    await ranges.fill('10.0.0.0/8');
    await left.page.click('#save-list');
    await left.says('This would lock you out');
    await look(left, 'lists');
    await ranges.fill(`${before}\n10.0.0.0/8`);
    await left.page.click('#save-list');
    await left.says('Saved. It holds on every node.');
  });

  it('shows who did what, and who may reach what', async () => {
    await left.go('Audit trail');
    await left.page.getByRole('row').nth(1).waitFor();
    expect(await left.page.getByRole('row', { name: /forbidden/ }).count()).toBe(0); // looking was no attempt
    await left.go('Timeline');
    const showAll = await left.holdFirst(/moderation\/audit\?/);
    await left.go('Audit trail');
    await left.page.getByLabel('User name').fill('alice');
    await left.page.keyboard.press('Enter');
    await left.page.getByRole('row').nth(1).waitFor();
    await showAll();
    // What was asked for first came last, and is not shown.
    for (const row of (await left.page.getByRole('row').allInnerTexts()).slice(1))
      expect(row).toContain('alice');
    await left.page.getByLabel('Action').selectOption('user.block');
    const row = left.page.getByRole('row').nth(1);
    expect(await row.innerText()).toMatch(/mia.*user\.block.*alice.*127\.0\.0\.1.*Too cheerful/s);
    await look(left, 'audit');
    await left.go('Who may reach what');
    await left.page.getByLabel('Path or name').fill('/admin/');
    await left.says('6 handlers');
    const rows = await left.page.getByRole('row').allInnerTexts();
    for (const text of rows.slice(1)) expect(text).toMatch(/admin.*IP list admin/s);
    await look(left, 'access');
  });

  it('shows what was permitted and denied, and every node with its connections', async () => {
    await left.go('Live picture');
    await left.page.getByRole('cell', { name: 'answers you' }).waitFor();
    await left.page.getByRole('img', { name: /: [1-9]\d* permitted, \d+ denied/ }).waitFor();
    await left.page.getByRole('row', { name: 'user_blocked' }).waitFor(); // the other node's, too
    const nodes = left.page.getByRole('region', { name: 'Nodes' }).getByRole('row');
    expect(await nodes.count()).toBe(isMemory ? 2 : 3);
    await look(left, 'activity');
  });

  it('has no grave finding of axe on any screen, and no complaint of the browser', () => {
    expect(findings).toEqual([]);
    expect([...left.complaints, ...right.complaints]).toEqual([]);
  });
});

describe('The console, in two tabs of one browser', () => {
  it('shows nothing of who was there before, once another tab has logged somebody else in', async () => {
    const url = await startNode();
    await new Client(url).login('alice', 'correct-horse-alice', { deviceName: PHONE });
    const window = await ConsoleWindow.open(browser, url);
    await window.logIn('alice');
    await window.go('My devices');
    await window.says(PHONE);
    const tab = await window.context.newPage();
    await tab.goto(`${url}/docs-json`);
    const login = { username: 'bob', password: 'correct-horse-bob' };
    const headers = { 'Content-Type': 'application/json' };
    const request = JSON.stringify({ method: 'POST', headers, body: JSON.stringify(login) });
    expect(await tab.evaluate(`fetch('/auth/login', ${request}).then(({ status }) => status)`)).toBe(200);
    await window.page.getByRole('banner').getByText('bob').waitFor();
    expect(await window.content()).not.toContain(PHONE);
    await window.says('This device');
    expect(window.complaints).toEqual([]);
    await window.context.close();
  });
});

describe('The console, for a newcomer', () => {
  it('registers, hands the data over, and erases the account', async () => {
    const window = await ConsoleWindow.open(browser, await startNode());
    await window.button('Register').click();
    await window.page.getByLabel('User name').fill('carol');
    await window.page.getByLabel('Password').fill('a long enough password');
    await window.button('Make account').click();
    await window.button('Log out').waitFor();
    await window.go('Account');
    const downloading = window.page.waitForEvent('download');
    await window.button('Download my data').click();
    const file = await (await downloading).path();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ account: { username: 'carol' } });
    await window.button('Delete my account').click();
    await window.button('Delete for good').click();
    await window.page.locator('#login').waitFor();
    expect(await window.content()).not.toContain('carol');
    await window.page.getByLabel('User name').fill('carol');
    await window.page.getByLabel('Password').fill('a long enough password');
    await window.page.click('#login');
    await window.says(/password is wrong/);
    expect(window.complaints).toEqual([]);
    await window.context.close();
  });
});

describe('The console, as the session times out', () => {
  it('warns, goes on when its user wants to, and says at the end why it is over', async () => {
    const inactivityTimeout = 4_000;
    const sample = await Sample.start({
      session: { lifetime: { inactivityTimeout, absoluteTimeout: '1h' } },
    });
    started.push(sample);
    const window = await ConsoleWindow.open(browser, sample.url);
    await window.logIn('bob');
    await window.says('Your session is about to end');
    expect(await window.look('expiry')).toEqual([]);
    await window.page.click('#stay');
    const since = Date.now();
    await window.says('Your session timed out');
    // Neither the stream nor what the page asks by itself has counted as activity.
    expect(Date.now() - since).toBeLessThan(inactivityTimeout + AT_ONCE_MS);
    expect(await window.content()).not.toContain('>bob<');
    await window.context.close();
  });
});

describe('The console, where the audit log was too small', () => {
  const LEAST = 100;

  it('tells that entries are missing, and from when', async () => {
    const sample = await Sample.start({ session: { audit: { maxRoutine: LEAST } } });
    started.push(sample);
    const log = sample.app.get(AuditLog);
    for (let i = 0; i <= LEAST; i++)
      await log.record({ action: 'login', isRoutine: true }, async () => undefined);
    const window = await ConsoleWindow.open(browser, sample.url);
    await window.logIn('mia');
    await window.go('Audit trail');
    await window.says(/^Logins and other everyday acts from before .+ may be missing/);
    expect(await window.look('losses')).toEqual([]);
    await window.context.close();
  });
});

import type { Browser, BrowserContext } from 'playwright-core';
import { AppProcess } from '../support/app-process.js';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';
import { buildSample } from '../sample/support/build.js';
import { Client } from '../sample/support/client.js';
import { startLaxProxy } from '../sample/support/lax-proxy.js';

/** What only the user's pages say. */
const PERSONAL = /alice-in-chains|HeadlessChrome|Chrome \d+ on|a secret of hers/;
const NAME = 'alice-in-chains';
const PASSWORD = 'a long enough password';

let app: AppProcess;
let lax: Awaited<ReturnType<typeof startLaxProxy>>;
let browser: Browser;
let mia: Client;
let alice: Client;
let context: BrowserContext;
let tab: Tab;

beforeAll(async () => {
  await buildSample();
  browser = await launchChromium();
}, INSTALL_TIMEOUT_MS);

beforeAll(async () => {
  app = await AppProcess.start({ env: { LOGIN_QUOTA: '1000', SESSION_QUOTA: '100000' } });
  lax = await startLaxProxy(app.url);
  mia = await new Client(app.url).login('mia', 'correct-horse-mia');
  alice = new Client(app.url);
  await alice.post('/auth/register', { username: NAME, password: PASSWORD }).expect(201);
  await alice.login(NAME, PASSWORD);
});

afterAll(async () => {
  await browser?.close();
  await lax?.close();
  await app?.stop();
});

beforeEach(async () => {
  context = await browser.newContext();
  tab = await Tab.open(context);
});

afterEach(async () => {
  await context.close();
  await mia.delete(`/moderation/users/${alice.userId}/block`).expect(200);
});

async function block(): Promise<void> {
  await mia.post(`/moderation/users/${alice.userId}/block`, { reason: 'a test' }).expect(200);
}

/** Logs in with the form of the console, and opens it. */
async function logIn(origin = app.url): Promise<void> {
  await tab.goto(`${origin}/`);
  await tab.says(/Log in/);
  await tab.page.fill('[name=username]', NAME);
  await tab.page.fill('[name=password]', PASSWORD);
  await tab.page.click('#login');
  await tab.says(PERSONAL);
}

/** `localhost` is another site than `127.0.0.1`. */
const elsewhere = (): string => `${lax.url.replace('127.0.0.1', 'localhost')}/elsewhere`;

describe('Back in a browser, after the user was blocked', () => {
  it('is tried with the back-forward cache on: a page that is nobody’s comes back as it was', async () => {
    await tab.takeIcon(`${app.url}/docs-json`);
    await tab.goto(`${app.url}/health`);
    await tab.goto(elsewhere());
    expect([await tab.back(), tab.reasons]).toEqual(['restored', []]);
  });

  const documents = ['/sessions/current/data', '/sessions', '/auth/me'];

  it.each([
    ['another site, without a request in between', elsewhere, false],
    ['a page of ours that asks for no session', () => `${app.url}/health`, false],
    ['a page of ours that was refused', () => `${app.url}/posts`, true],
  ])('shows no document about the user again, from %s', async (_name, away, isBlockedBefore) => {
    await tab.takeIcon(`${app.url}/health`);
    await tab.send('POST', '/auth/login', { username: NAME, password: PASSWORD });
    await tab.send('PATCH', '/sessions/current/data', { note: 'a secret of hers' });
    for (const path of documents) {
      await tab.goto(`${app.url}${path}`);
      expect(await tab.text()).toMatch(PERSONAL);
    }
    if (isBlockedBefore) await block();
    await tab.goto(away());
    if (!isBlockedBefore) await block();
    for (const path of documents.toReversed()) {
      expect([path, await tab.back()]).toEqual([path, 'loaded']);
      expect(await tab.text()).toMatch(/user_blocked/);
    }
  });

  it('shows the console without the user: it was emptied before it was kept', async () => {
    await logIn(lax.url);
    for (const event of ['pagehide', 'pageshow'])
      await tab.evaluate(
        `addEventListener('${event}', () => (window.${event}Text = document.body.innerText))`,
      );
    await tab.goto(elsewhere());
    await block();
    expect(await tab.back()).toBe('restored');
    for (const event of ['pagehide', 'pageshow'])
      expect(await tab.evaluate(`window.${event}Text`)).toMatch(/^Latchkey sample(?!.*(alice-in|Chrome))/s);
    await tab.says(/Log in/);
    expect(await tab.text()).not.toMatch(PERSONAL);
  });

  it('shows the console with the user, who was not blocked', async () => {
    await logIn(lax.url);
    await tab.goto(elsewhere());
    expect(await tab.back()).toBe('restored');
    await tab.says(PERSONAL);
  });

  it.each([
    ['console', '/', PERSONAL],
    ['API documentation, and what was tried in it', '/docs', /Latchkey sample API/],
  ])('shows nothing kept of the %s', async (_name, path, wanted) => {
    await logIn();
    await tab.goto(`${app.url}${path}`);
    await tab.says(wanted);
    await tab.evaluate(
      "fetch('/auth/me').then((reply) => reply.text()).then((text) => document.body.append(text))",
    );
    await tab.goto(elsewhere());
    await block();
    expect(await tab.back()).toBe('loaded');
    expect(await tab.text()).not.toMatch(PERSONAL);
  });
});

describe('The console in a browser', () => {
  it('has all pages dropped that were kept, when its own question is refused', async () => {
    await tab.takeIcon(`${app.url}/docs-json`);
    await logIn();
    await tab.goto(`${app.url}/health`);
    await tab.goto(`${app.url}/`);
    await tab.says(PERSONAL);
    await block();
    await tab.says(/blocked.*Log in/s);
    expect([await tab.back(), tab.reasons]).toEqual(['loaded', expect.arrayContaining(['CacheFlushed'])]);
  });

  it('takes the user away when the stream says that the session has ended', async () => {
    await logIn();
    await tab.says(PERSONAL);
    await block();
    await tab.says(/blocked.*Log in/s);
    expect(await tab.text()).not.toMatch(PERSONAL);
  });

  it('shows nothing after a logout, also not by Back', async () => {
    await logIn(app.url);
    await tab.goto(`${app.url}/auth/me`);
    await tab.goto(`${app.url}/`);
    await tab.says(PERSONAL);
    await tab.page.click('#logout');
    await tab.says(/Log in/);
    expect(await tab.back()).toBe('loaded');
    expect(await tab.text()).toMatch(/session_missing/);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { Sample } from '../sample/support/sample.js';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';

let browser: Browser;
beforeAll(async () => void (browser = await launchChromium()), INSTALL_TIMEOUT_MS);
afterAll(() => browser?.close());

it("Chromium's EventSource gets the posts that it missed, once, and goes on", async () => {
  const sample = await Sample.start();
  try {
    const writer = await sample.as('bob');
    const tab = await Tab.open(await browser.newContext());
    await tab.goto(`${sample.url}/health`);
    await tab.evaluate(
      `fetch('/auth/login', {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: '{"username":"alice","password":"correct-horse-alice"}',
      })`,
    );
    await tab.evaluate(`new Promise((resolve) => {
      window.seen = [];
      const stream = new EventSource('/events');
      stream.addEventListener('post', ({ data, lastEventId }) => seen.push(JSON.parse(data).text + ' ' + lastEventId));
      stream.addEventListener('hello', () => { seen.push('hello'); resolve(); });
    })`);
    await writer.post('/posts', { text: 'one' }).expect(201);
    const server = sample.app.getHttpServer();
    for (let i = 0; i < 100 && (await tab.evaluate('seen.length')) !== 2; i++) await sleep(20);
    server.closeAllConnections();
    for (const text of ['two', 'three']) await writer.post('/posts', { text }).expect(201);
    for (let i = 0; i < 400 && (await tab.evaluate('seen.length')) !== 5; i++) await sleep(20);
    await writer.post('/posts', { text: 'four' }).expect(201);
    for (let i = 0; i < 100 && (await tab.evaluate('seen.length')) !== 6; i++) await sleep(20);
    expect(await tab.evaluate('seen')).toEqual(['hello', 'one 1', 'hello', 'two 2', 'three 3', 'four 4']);
  } finally {
    await sample.stop();
  }
}, 60_000);

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { UserStateService } from '@latchkey/session';
import type { Browser } from 'playwright-core';
import { start } from '../../examples/spa-on-another-origin/app.js';
import { INSTALL_TIMEOUT_MS, launchChromium, Tab } from '../support/chromium.js';

const PAGE = join(import.meta.dirname, '../../examples/spa-on-another-origin/page.html');

async function serve(): Promise<{ server: Server; origin: string }> {
  const html = readFileSync(PAGE);
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end(html);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('examples/spa-on-another-origin, in Chromium', () => {
  let browser: Browser;
  let app: INestApplication;
  let [ours, foreign]: { server: Server; origin: string }[] = [];

  beforeAll(async () => void (browser = await launchChromium()), INSTALL_TIMEOUT_MS);
  beforeAll(async () => {
    [ours, foreign] = [await serve(), await serve()];
    app = await start(0, [ours.origin]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
    for (const one of [ours, foreign]) one?.server.close().closeAllConnections();
  });

  it('logs in, reads, writes and logs out; a page that is not in the list can do nothing', async () => {
    const context = await browser.newContext();
    const tab = await Tab.open(context);
    const api = encodeURIComponent(await app.getUrl());
    await tab.goto(`${ours?.origin}/?api=${api}`);
    await tab.page.fill('[name=username]', 'ada');
    await tab.page.fill('[name=password]', 'ada-password');
    await tab.page.click('#login button');
    await tab.says(/GET \/notes: 200/);
    await tab.page.fill('[name=text]', 'milk');
    await tab.page.click('#note button');
    await tab.says(/POST \/notes: 201\s+milk/);

    // The same browser, with the same cookie.
    const other = await Tab.open(context);
    await other.goto(`${foreign?.origin}/?api=${api}`);
    const attempts = await other.evaluate(`Promise.all([
      fetch('${await app.getUrl()}/notes', { credentials: 'include' }).catch(() => 'unreadable'),
      fetch('${await app.getUrl()}/notes', { method: 'POST', credentials: 'include', mode: 'no-cors', body: 'text=beer' })
        .then(({ type }) => type),
    ])`);
    expect(attempts).toEqual(['unreadable', 'opaque']);
    await tab.page.fill('[name=text]', 'bread');
    await tab.page.click('#note button');
    await tab.says(/201\s+milk\s+bread/);
    expect(await tab.text()).not.toContain('undefined');

    await tab.page.click('#logout');
    await tab.says(/POST \/auth\/logout: 204/);
    await tab.page.click('#note button');
    await tab.says(/session_missing/);
    await context.close();
  });

  it('shows why it was logged out', async () => {
    const context = await browser.newContext();
    const tab = await Tab.open(context);
    await tab.goto(`${ours?.origin}/?api=${encodeURIComponent(await app.getUrl())}`);
    await tab.page.fill('[name=username]', 'bob');
    await tab.page.fill('[name=password]', 'bob-password');
    await tab.page.click('#login button');
    await tab.says(/GET \/notes: 200/);
    await app.get(UserStateService).block('bob', { reason: 'spam' });
    await tab.page.click('#note button');
    await tab.says(/user_blocked/);
    await context.close();
  });
});

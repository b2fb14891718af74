import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page, Route } from 'playwright-core';

const SHOTS = join(import.meta.dirname, '../screenshots');
const AXE = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [1280, 360] as const;
const SCHEMES = ['light', 'dark'] as const;
const GRAVE = ['serious', 'critical'];

interface AxeResult {
  readonly passes: readonly object[];
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** One browser window with the console, of one person. */
export class ConsoleWindow {
  /** What the browser complained about, such as a violation of the Content-Security-Policy. */
  readonly complaints: string[] = [];

  private constructor(
    readonly url: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      // Refused requests are told there, too, and are what some tests are about.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.complaints.push(message.text());
    });
  }

  static async open(browser: Browser, url: string): Promise<ConsoleWindow> {
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    context.setDefaultTimeout(10_000);
    const window = new ConsoleWindow(url, context, await context.newPage());
    await window.page.goto(url);
    await window.button('Log in').last().waitFor();
    return window;
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  async logIn(username: string, password = `correct-horse-${username}`): Promise<void> {
    await this.page.getByLabel('User name').fill(username);
    await this.page.getByLabel('Password').fill(password);
    await this.page.click('#login');
    await this.button('Log out').waitFor();
  }

  async logOut(): Promise<void> {
    await this.page.click('#logout');
    await this.button('Log in').last().waitFor();
  }

  /** Opens a screen by its link. */
  async go(screen: string): Promise<void> {
    await this.page.getByRole('link', { name: screen }).click();
    await this.page.getByRole('heading', { name: screen, level: 1 }).waitFor();
  }

  /** Keeps the page waiting for its first request to a path. @returns lets it go, and waits for its answer */
  async holdFirst(path: RegExp): Promise<() => Promise<void>> {
    let hold: ((route: Route) => void) | undefined;
    const held = new Promise<Route>((resolve) => (hold = resolve));
    // It stays: Chromium may lose the request that is held, and others, when the last route is taken away.
    await this.page.route(path, async (route) => {
      if (!hold) await route.continue();
      hold?.(route);
      hold = undefined;
    });
    return async () => {
      const route = await held;
      const answered = this.page.waitForResponse(path);
      await route.continue();
      await (await answered).finished();
      await this.page.evaluate('new Promise((resolve) => setTimeout(resolve))'); // the page has dealt with it
    };
  }

  says(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).first().waitFor();
  }

  /** All that the page holds, seen or not. */
  content(): Promise<string> {
    return this.page.content();
  }

  /**
   * Keeps pictures of the screen at both widths in both colour schemes, and has axe look at it in both schemes.
   * @returns the serious and critical findings
   */
  async look(name: string): Promise<string[]> {
    mkdirSync(SHOTS, { recursive: true });
    const findings: string[] = [];
    for (const [i, colorScheme] of SCHEMES.entries()) {
      await this.page.emulateMedia({ colorScheme });
      for (const [j, width] of WIDTHS.entries()) {
        await this.page.setViewportSize({ width, height: 800 });
        await this.page.screenshot({
          path: join(SHOTS, `${name}-${width}-${colorScheme}.png`),
          fullPage: true,
        });
        const overflow = await this.page.evaluate('document.documentElement.scrollWidth - innerWidth');
        if ((overflow as number) > 0) findings.push(`${name} is ${String(overflow)} px too wide at ${width}`);
        // Light on the desktop and dark on the phone: colours and layouts do not depend on each other.
        if (i === j) findings.push(...(await this.axe(`${name}, ${width}, ${colorScheme}`)));
      }
    }
    await this.page.setViewportSize({ width: 1280, height: 800 });
    return findings;
  }

  private async axe(where: string): Promise<string[]> {
    await this.page.evaluate(AXE);
    const { passes, violations } = (await this.page.evaluate('axe.run()')) as AxeResult;
    if (passes.length < 10) return [`${where}: axe saw next to nothing`];
    return violations
      .filter(({ impact }) => GRAVE.includes(impact))
      .map(({ id, nodes }) => `${where}: ${id} ${nodes.map(({ html }) => html).join(' ')}`);
  }
}

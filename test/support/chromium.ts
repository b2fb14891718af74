import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';

const SCRIPT = join(import.meta.dirname, '../../scripts/ensure-debian.mjs');

/** How long a first install of Chromium may take. */
export const INSTALL_TIMEOUT_MS = 300_000;

// None of Chromium's own traffic: a closed network refuses it many times at every start.
const QUIET =
  '--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

/**
 * A headless Chromium with its back-forward cache on, as people have it; Playwright turns it off by default. Installs
 * Chromium where that is allowed. It ends with `close()`, and with this process.
 */
export async function launchChromium(): Promise<Browser> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, 'chromium']);
  return chromium.launch({
    executablePath: stdout.trim(),
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [...QUIET.split(' '), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
}

/** How a page came: as it was left, from the back-forward cache, or by a request of its own. */
type Arrival = 'restored' | 'loaded';

/** One tab. It goes back as a person does; Playwright's own `goBack()` does not know the back-forward cache. */
export class Tab {
  private arrivals: Arrival[] = [];

  private constructor(
    readonly page: Page,
    private readonly devTools: CDPSession,
  ) {
    devTools.on('Page.frameNavigated', ({ frame, type }) => {
      if (frame.parentId === undefined)
        this.arrivals.push(type === 'BackForwardCacheRestore' ? 'restored' : 'loaded');
    });
    devTools.on('Page.backForwardCacheNotUsed', ({ notRestoredExplanations }) => {
      this.reasons.push(...notRestoredExplanations.map(({ reason }) => reason));
    });
  }

  /** Why pages did not come from the back-forward cache, in Chromium's words. */
  readonly reasons: string[] = [];

  static async open(context: BrowserContext): Promise<Tab> {
    const page = await context.newPage();
    const devTools = await context.newCDPSession(page);
    await devTools.send('Page.enable');
    return new Tab(page, devTools);
  }

  async goto(url: string): Promise<void> {
    await this.page.goto(url);
  }

  /**
   * Opens a page, and waits until it has asked for its icon. A `no-store` reply to that counts against the page, which is
   * not kept for Back then; the next pages of the origin do not ask again.
   */
  async takeIcon(url: string): Promise<void> {
    await this.goto(url);
    await sleep(ICON_MS);
  }

  /** Presses Back. @returns how the page before came */
  async back(): Promise<Arrival> {
    this.arrivals = [];
    const { currentIndex, entries } = await this.devTools.send('Page.getNavigationHistory');
    const entryId = entries[currentIndex - 1]?.id;
    if (entryId === undefined) throw new Error('There is no page before this one');
    await this.devTools.send('Page.navigateToHistoryEntry', { entryId });
    await until(() => this.arrivals.length > 0, 'a page after Back');
    await until(async () => (await this.evaluate('document.readyState')) === 'complete', 'a whole page');
    return this.arrivals[0] as Arrival;
  }

  /** What a person can read. */
  text(): Promise<string> {
    return this.evaluate('document.body.innerText') as Promise<string>;
  }

  /** Waits until the page says something, or no longer does. */
  async says(wanted: RegExp, { not = false } = {}): Promise<void> {
    let text = '';
    await until(
      async () => wanted.test((text = await this.text())) !== not,
      () => `${not ? 'no ' : ''}${wanted} in: ${text}`,
    );
  }

  /** Has the page send JSON to its own origin. @returns the status */
  send(method: string, path: string, body: object): Promise<unknown> {
    const options = { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    return this.evaluate(
      `fetch(${JSON.stringify(path)}, ${JSON.stringify(options)}).then(({ status }) => status)`,
    );
  }

  /** Runs an expression in the page, also in one that came from the back-forward cache. Waits for a promise. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.devTools.send('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}

const PATIENCE_MS = 5_000;
const ICON_MS = 200;

async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await condition());) {
    if (Date.now() > deadline)
      throw new Error(`Not within ${PATIENCE_MS} ms: ${typeof what === 'string' ? what : what()}`);
    await sleep(10);
  }
}

import { execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { killWithUs } from '../../support/watchdog.js';

const SCRIPT = join(import.meta.dirname, '../../../scripts/ensure-debian.mjs');
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

/** Finds programs of the system, and installs those that are missing where that is allowed. @returns their paths */
export async function programs(...names: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...names]);
  return stdout.trim().split('\n');
}

/** A server that runs for as long as a test does. */
export class Server {
  private log = '';

  constructor(private readonly child: ChildProcess) {
    killWithUs(child);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
  }

  /**
   * Waits until it serves.
   * @throws Error with what it said when it ends before, or takes too long
   */
  async ready(serves: () => Promise<unknown>): Promise<this> {
    for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(50)) {
      const isUp = await serves().then(
        () => true,
        () => false,
      );
      if (isUp) return this;
      if (this.child.exitCode === null && Date.now() < deadline) continue;
      await this.stop();
      throw new Error(`${this.child.spawnfile} does not serve:\n${this.log}`);
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, 'close');
    this.child.kill('SIGTERM');
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(impatience);
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PATIENT_MS } from '../../support/patience.js';
import { killWithUs } from '../../support/watchdog.js';

const SCRIPT = join(import.meta.dirname, '../../../scripts/run-example.mjs');

/** One version of an app in a process of its own, as `npm run example` starts it. */
export class ExampleProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(name: string, env: Readonly<Record<string, string>>): Promise<ExampleProcess> {
    const child = spawn(process.execPath, [SCRIPT, name, '0'], {
      env: { ...process.env, REDIS_TIMEOUT_MS: String(PATIENT_MS), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    killWithUs(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    const ended = once(child, 'close').then(() => true);
    for (;;) {
      const url = /^listening on (http:\S+)$/m.exec(said)?.[1];
      if (url !== undefined) return new ExampleProcess(child, url);
      const isOver = await Promise.race([ended, once(child.stdout, 'data').then(() => false)]);
      if (isOver) throw new Error(`${name} ended before it listened:\n${said}`);
    }
  }

  async stop(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill();
    await closed;
  }
}

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { PATIENT_MS } from './patience.js';
import { killWithUs } from './watchdog.js';

const ROOT = join(import.meta.dirname, '../..');
const PORT_ATTEMPTS = 3;

interface AppProcessOptions {
  /** The settings of docs/sample.md, such as `REDIS_URL`. Nothing is inherited but `PATH`, `HOME` and `TMPDIR`; Redis gets two seconds unless `REDIS_TIMEOUT_MS` says otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default one that is free. */
  readonly port?: number;
  /** How long the app may take until it listens, in milliseconds. Default 15,000. */
  readonly readyTimeoutMs?: number;
  /** Another script than the sample's `dist/src/main.js`, which is built first if its sources have changed. */
  readonly entry?: string;
}

/** The built sample in a process of its own, as `npm start` runs it. */
export class AppProcess {
  private address = '';
  private text = '';
  private readonly closed: Promise<number>;

  private constructor(private readonly child: ChildProcess) {
    killWithUs(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
    }
    this.closed = once(child, 'close').then(([code, signal]: unknown[]) => {
      return typeof code === 'number' ? code : -signalNumber(String(signal));
    });
  }

  /**
   * Starts the app; resolves when it prints `listening on`.
   * @throws Error with the app's output when it ends before, or does not listen in time
   */
  static async start(options: AppProcessOptions = {}): Promise<AppProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const app = await AppProcess.spawn(options);
      try {
        await app.listening(options.readyTimeoutMs ?? 15_000);
        return app;
      } catch (error) {
        await app.stop('SIGKILL');
        // Somebody else may have taken the free port in between.
        if (
          options.port === undefined &&
          /EADDRINUSE|is taken by another process/.test(app.output) &&
          attempt < PORT_ATTEMPTS
        )
          continue;
        throw error;
      }
    }
  }

  /** Runs an app that is expected not to start, until it has ended by itself. */
  static async runToEnd(options: AppProcessOptions = {}): Promise<{ code: number; output: string }> {
    const app = await AppProcess.spawn(options);
    const impatience = setTimeout(() => app.signal('SIGKILL'), options.readyTimeoutMs ?? 15_000);
    const code = await app.ended;
    clearTimeout(impatience);
    return { code, output: app.output };
  }

  /** Where the app listens, as its `listening on` line says. */
  get url(): string {
    return this.address;
  }

  /** All that the app has written to stdout and stderr. */
  get output(): string {
    return this.text;
  }

  /** Whether it has ended, by itself or by a signal. */
  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Resolves with the exit code when the app has ended; the signal's number, negated, when it died by one. */
  get ended(): Promise<number> {
    return this.closed;
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Asks the app to end, and waits until it has. @returns the exit code, as `ended` */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.signal(signal);
    return this.closed;
  }

  private static async spawn(options: AppProcessOptions): Promise<AppProcess> {
    if (options.entry === undefined) await buildSample();
    const port = options.port ?? (await freePort());
    const { PATH, HOME, TMPDIR } = process.env;
    const env = {
      PATH,
      HOME,
      TMPDIR,
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: String(port),
      REDIS_TIMEOUT_MS: String(PATIENT_MS),
      ...options.env,
    };
    const entry = options.entry ?? join(ROOT, 'dist/src/main.js');
    return new AppProcess(
      spawn(process.execPath, [entry], { env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  private async listening(timeoutMs: number): Promise<void> {
    let ended = false;
    void this.closed.then(() => (ended = true));
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const url = /^.*listening on (https?:\/\/\S+)$/m.exec(this.text)?.[1];
      if (url !== undefined) {
        this.address = url;
        return;
      }
      if (ended) throw new Error(`The app ended with ${await this.closed} before it listened:\n${this.text}`);
      if (Date.now() > deadline)
        throw new Error(`The app did not listen within ${timeoutMs} ms:\n${this.text}`);
      await Promise.race([this.closed, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }
}

let built: Promise<unknown> | undefined;

/** Once per test file; the build itself is locked against others that build at the same time. */
function buildSample(): Promise<unknown> {
  built ??= promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-needed']);
  return built;
}

function signalNumber(signal: string): number {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 255;
}

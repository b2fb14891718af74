import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../support/free-port.js';
import { killWithUs } from '../../support/watchdog.js';

const SCRIPT = join(__dirname, '../../../scripts/ensure-debian.mjs');
const START_TIMEOUT_MS = 20_000;
export const DEPLOY = join(__dirname, '../../../deploy');

interface Target {
  /** Where the app is, as `127.0.0.1:3000`. */
  readonly target: string;
  readonly token: string;
}

interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** Where this project's programs of Prometheus are; `ensure-debian.mjs` sees to it that they are there. */
export async function prometheusPrograms(): Promise<{
  readonly prometheus: string;
  readonly promtool: string;
}> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, 'prometheus']);
  const prometheus = stdout.trim();
  return { prometheus, promtool: join(dirname(prometheus), 'promtool') };
}

/** A real Prometheus with the files of `deploy/prometheus`, on loopback, which asks four times a second. */
export class Prometheus {
  private constructor(
    readonly configFile: string,
    private readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start({ target, token }: Target): Promise<Prometheus> {
    const { prometheus } = await prometheusPrograms();
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-prometheus-'));
    const configFile = join(folder, 'prometheus.yml');
    const tokenFile = join(folder, 'token');
    const config = await readFile(join(DEPLOY, 'prometheus/prometheus.yml'), 'utf8');
    await writeFile(tokenFile, token);
    await writeFile(
      configFile,
      config
        .replaceAll('15s', '250ms')
        .replace('alerts.yml\n', `${join(DEPLOY, 'prometheus/alerts.yml')}\n`)
        .replace('/run/secrets/metrics-token', tokenFile)
        .replace('app:3000', target),
    );
    const listen = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${listen}`,
      '--log.level=error',
    ];
    const child = spawn(prometheus, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    killWithUs(child);
    const started = new Prometheus(configFile, `http://${listen}`, child, folder);
    await started.until(async () => (await fetch(`http://${listen}/-/ready`)).ok);
    return started;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** @throws Error for an expression that is none */
  async query(expression: string): Promise<readonly QueryResult[]> {
    const { result } = await this.get<{ result: QueryResult[] }>(
      `query?${new URLSearchParams({ query: expression }).toString()}`,
    );
    return result;
  }

  /** The alerts that it has read, with their expressions. */
  async alerts(): Promise<
    readonly { readonly name: string; readonly query: string; readonly health: string }[]
  > {
    type Rule = { name: string; query: string; health: string };
    const { groups } = await this.get<{ groups: { rules: Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async until(isMet: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await isMet().catch(() => false))) {
      if (performance.now() > deadline) throw new Error('Waited in vain for Prometheus');
      await sleep(100);
    }
  }

  private async get<T>(path: string): Promise<T> {
    const reply = await fetch(`${this.url}/api/v1/${path}`);
    const body = (await reply.json()) as { status: string; error?: string; data: T };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  }
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../support/free-port.js';
import { killWithUs } from '../../support/watchdog.js';

const ENSURE = join(import.meta.dirname, '../../../scripts/ensure-debian.mjs');

/** How long a first install of the brokers may take. */
export const INSTALL_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const HOST = '127.0.0.1';

/** A broker of a test's own, on 127.0.0.1. */
export interface Broker {
  readonly url: string;
  stop(): Promise<void>;
}

/** A real nats-server, installed where that is allowed. */
export async function startNats(): Promise<Broker> {
  const program = await pathOf('nats-server');
  const port = await freePort();
  const child = run(program, ['-a', HOST, '-p', String(port)], {});
  await untilItAnswers(child, port, () => undefined);
  return { url: `nats://${HOST}:${port}`, stop: () => end(child) };
}

/** A real RabbitMQ with all that it keeps in a temporary folder; it works as root and leaves no epmd behind. */
export async function startRabbit(): Promise<Broker> {
  const program = await pathOf('rabbitmq-server');
  const [port, distribution, names] = [await freePort(), await freePort(), await freePort()];
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-rabbit-'));
  const config = join(dir, 'rabbitmq.conf');
  await writeFile(config, `listeners.tcp.default = ${HOST}:${port}\nlog.console.level = warning\n`);
  // Ours, because RabbitMQ would start one as a daemon that outlives it.
  const epmd = run('epmd', ['-port', String(names), '-address', HOST], {});
  const child = run(program, [], {
    HOME: dir,
    ERL_EPMD_PORT: String(names),
    ERL_EPMD_ADDRESS: HOST,
    RABBITMQ_NODENAME: `latchkey-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_CONF_ENV_FILE: join(dir, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'config'),
    RABBITMQ_PID_FILE: join(dir, 'pid'),
    RABBITMQ_IO_THREAD_POOL_SIZE: '8',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2',
    // The script becomes the server, so that a signal reaches it.
    RUNNING_UNDER_SYSTEMD: '1',
  });
  const stop = async (): Promise<void> => {
    await end(child);
    await end(epmd);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(child, port, (socket) => {
      socket.write('AMQP\0\0\x09\x01');
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `amqp://${HOST}:${port}`, stop };
}

async function pathOf(name: string): Promise<string> {
  return (await promisify(execFile)(process.execPath, [ENSURE, name])).stdout.trim();
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH = '' } = process.env;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH, ...env } });
  killWithUs(child);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
  child.once('error', (error) => (log += error.message));
  Object.defineProperty(child, 'log', { get: () => log });
  return child;
}

/** @param greet what makes it say something */
async function untilItAnswers(
  child: ChildProcess,
  port: number,
  greet: (socket: ReturnType<typeof connect>) => void,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(port, greet))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline)
      throw new Error(`The broker did not start: ${(child as { log?: string }).log ?? ''}`);
    await sleep(50);
  }
}

function answers(port: number, greet: (socket: ReturnType<typeof connect>) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const finish = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false)).once('close', () => finish(false));
    socket.once('connect', () => greet(socket)).once('data', () => finish(true));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(impatience);
}

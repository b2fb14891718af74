import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { freePort } from './free-port.js';
import { killWithUs } from './watchdog.js';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const PORT_ATTEMPTS = 5;

interface RedisServerOptions {
  /** More arguments, such as `['--maxmemory', '3mb']`; they come last, so they win. Default none. */
  readonly args?: readonly string[];
  /** Default one that is free. */
  readonly port?: number;
  /** Sets `requirepass`. Default none. */
  readonly password?: string;
  /** Where the server works and saves; data there outlives `stop()`. Default a temporary folder. */
  readonly dir?: string;
}

/** A real redis-server of a test's own, on 127.0.0.1, without persistence unless `args` say otherwise. */
export class RedisServer {
  readonly host = HOST;
  private child?: ChildProcess;
  private log = '';
  private readonly clients = new Set<Redis>();

  private constructor(
    readonly port: number,
    private readonly options: RedisServerOptions,
    private readonly dir: string,
  ) {}

  /** Starts a server; resolves when it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'latchkey-redis-')));
    for (let attempt = 1; ; attempt += 1) {
      const server = new RedisServer(options.port ?? (await freePort()), options, dir);
      try {
        await server.run();
        return server;
      } catch (error) {
        // Somebody else may have taken the free port in between.
        const portTaken = server.log.includes('Address already in use');
        if (portTaken && options.port === undefined && attempt < PORT_ATTEMPTS) continue;
        await server.removeOwnDir();
        throw error;
      }
    }
  }

  get url(): string {
    const credentials =
      this.options.password === undefined ? '' : `:${encodeURIComponent(this.options.password)}@`;
    return `redis://${credentials}${HOST}:${this.port}`;
  }

  /** The process; undefined when the server is down. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** What the server has logged, over all its starts. */
  get output(): string {
    return this.log;
  }

  /** A plain client that is closed by `stop()`. It reconnects by itself after `kill()` and `restart()`. */
  client(options: RedisOptions = {}): Redis {
    const { host, port } = this;
    const { password } = this.options;
    // ioredis waits for a server that is gone to hang up, and keeps the process meanwhile.
    const disconnectTimeout = 100;
    const client = new Redis({
      host,
      port,
      disconnectTimeout,
      ...(password === undefined ? {} : { password }),
      ...options,
    });
    client.on('error', () => undefined); // a server that a test takes down is no news
    this.clients.add(client);
    return client;
  }

  /** Ends the server cleanly and closes its clients. `restart()` brings it back on the same port. */
  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    this.clients.clear();
    await this.end('SIGTERM');
    await this.removeOwnDir();
  }

  /** Ends the server at once, as a crash does. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Stops the process's clock: connections stay open and nothing answers. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  /** Ends `freeze()`. */
  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Starts the server again on the same port; one that still runs is ended cleanly first. */
  async restart(): Promise<void> {
    await this.end('SIGTERM');
    await this.run();
  }

  private async run(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', this.arguments(), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    killWithUs(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    }
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    // 'close', not 'exit': what it said last is in the log by then.
    child.once('close', () => {
      failure ??= new Error(`redis-server ended: ${this.log.trim().split('\n').slice(-3).join(' | ')}`);
      if (this.child === child) delete this.child;
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.answers(child.pid))) {
      if (!failure && Date.now() > deadline) {
        child.kill('SIGKILL');
        failure = new Error(`redis-server did not answer within ${START_TIMEOUT_MS} ms: ${this.log}`);
      }
      if (failure) throw failure;
      await sleep(10);
    }
  }

  private arguments(): string[] {
    const { password, args = [] } = this.options;
    const requirePass = password === undefined ? [] : ['--requirepass', password];
    const place = `--port ${this.port} --bind ${HOST}`.split(' ');
    const quiet = ['--save', '', '--appendonly', 'no', '--daemonize', 'no'];
    return [...place, '--dir', this.dir, ...quiet, ...requirePass, ...args];
  }

  /** Whether our own process answers, and not another that has the port. */
  private answers(pid: number | undefined): Promise<boolean> {
    const { password } = this.options;
    return new Promise((resolve) => {
      const socket = connect(this.port, HOST);
      let reply = '';
      const finish = (): void => {
        socket.destroy();
        resolve(reply.includes(`process_id:${pid}\r`) || /^-(NOAUTH|NOPERM)/m.test(reply));
      };
      socket.setTimeout(500, finish).once('error', finish).once('close', finish);
      socket.setEncoding('utf8').on('data', (text: string) => {
        reply += text;
        if (/^-|process_id:\d+\r/m.test(reply)) finish();
      });
      const auth =
        password === undefined
          ? ''
          : `*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(password)}\r\n${password}\r\n`;
      socket.write(`${auth}INFO server\r\n`);
    });
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    child.kill('SIGCONT'); // a frozen process takes no SIGTERM
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(impatience);
  }

  private async removeOwnDir(): Promise<void> {
    if (this.options.dir === undefined) await rm(this.dir, { recursive: true, force: true });
  }
}

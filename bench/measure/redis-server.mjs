import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ensureProgram } from '../../scripts/ensure-debian.mjs';
import { end, endWithUs } from './child.mjs';

const HOST = '127.0.0.1';

/** A redis-server of the bench's own, without persistence, with a client for looking at its statistics. */
export class RedisServer {
  static async start() {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const port = await freePort();
    const options = `--port ${port} --bind ${HOST} --dir ${folder} --appendonly no --loglevel warning`;
    const child = endWithUs(
      spawn(ensureProgram('redis-server'), [...options.split(' '), '--save', ''], { stdio: 'ignore' }),
    );
    const client = new Redis(port, HOST, { retryStrategy: () => 20, maxRetriesPerRequest: 500 });
    client.on('error', () => undefined); // until it listens
    const server = new RedisServer({ child, client, folder, port });
    await client.ping();
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    return server;
  }

  constructor({ child, client, folder, port }) {
    Object.assign(this, { child, client, folder, port });
  }

  get url() {
    return `redis://${HOST}:${this.port}`;
  }

  /** The numbers of an INFO section, by name. */
  async info(section) {
    const lines = (await this.client.info(section)).split('\r\n').filter((line) => line.includes(':'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  }

  /** What the server has done so far: bytes, and its own CPU time in microseconds. */
  async usage() {
    const { total_net_input_bytes: received, total_net_output_bytes: sent } = await this.info('stats');
    const { used_cpu_user: user, used_cpu_sys: system } = await this.info('cpu');
    return { received: Number(received), sent: Number(sent), cpuUs: (Number(user) + Number(system)) * 1e6 };
  }

  /** What it holds, in bytes, after what it has freed is given back. */
  async usedBytes() {
    await this.client.call('MEMORY', 'PURGE');
    return Number((await this.info('memory')).used_memory);
  }

  /** Calls and microseconds of a command since the start. */
  async command(name) {
    const { [`cmdstat_${name}`]: line = 'calls=0,usec=0' } = await this.info('commandstats');
    const [, calls, us] = /calls=(\d+),usec=(\d+)/.exec(line);
    return { calls: Number(calls), us: Number(us) };
  }

  /** All that clients send (not what scripts call) while `act` runs: lists of arguments. */
  async commandsDuring(act) {
    const monitor = await this.client.monitor();
    const commands = [];
    const mark = `seen-${Math.random()}`;
    try {
      const seen = new Promise((resolve) => {
        monitor.on('monitor', (_time, args, source) => {
          if (args[1] === mark) resolve();
          else if (source !== 'lua') commands.push(args);
        });
      });
      await act();
      await this.client.echo(mark); // what came before it has been told by then
      await seen;
      return commands;
    } finally {
      monitor.disconnect();
    }
  }

  async stop() {
    this.client.disconnect();
    await end(this.child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, HOST, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

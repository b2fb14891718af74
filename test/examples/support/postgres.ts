import { execFile, execFileSync, spawn } from 'node:child_process';
import { chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DataSource } from 'typeorm';
import { freePort } from '../../support/free-port.js';
import { programs, Server } from './programs.js';

/** A real PostgreSQL in a folder of its own, which nobody but this machine reaches. */
export class Postgres {
  private constructor(
    private readonly server: Server,
    private readonly dir: string,
    readonly url: string,
  ) {}

  static async start(): Promise<Postgres> {
    const [postgres = ''] = await programs('postgresql');
    const dir = await mkdtemp(join(tmpdir(), 'latchkey-postgres-'));
    const user = await giveAway(dir);
    const initdb = join(dirname(await realpath(postgres)), 'initdb');
    const data = join(dir, 'data');
    const quick = '--no-sync --auth=trust --encoding=UTF8 --locale=C --username=app'.split(' ');
    await promisify(execFile)(initdb, ['-D', data, ...quick], { cwd: dir, ...user });
    const port = await freePort();
    const place = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir, '-F'];
    const server = new Server(
      spawn(postgres, place, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], ...user }),
    );
    const url = `postgres://app@127.0.0.1:${port}/postgres`;
    await server.ready(() => query(url, 'SELECT 1'));
    return new Postgres(server, dir, url);
  }

  async query(sql: string): Promise<Record<string, unknown>[]> {
    return query(this.url, sql);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root: it gets the user that Debian's package has made for it. */
async function giveAway(dir: string): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid = 0, gid = 0] = ['-u', '-g'].map((which) =>
    Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' })),
  );
  await chown(dir, uid, gid);
  return { uid, gid };
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const database = await new DataSource({ type: 'postgres', url }).initialize();
  try {
    return await database.query<Record<string, unknown>[]>(sql);
  } finally {
    await database.destroy();
  }
}

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../support/free-port.js';
import { programs, Server } from './programs.js';

const CONF = join(import.meta.dirname, '../../../examples/behind-nginx-tls/nginx.conf');

/** A real nginx with TLS before an app, with a certificate of its own for `app.example`. */
export class Nginx {
  private constructor(
    private readonly server: Server,
    private readonly dir: string,
    readonly port: number,
    /** The certificate, to be trusted by clients. */
    readonly ca: string,
  ) {}

  static async startBefore(appPort: number): Promise<Nginx> {
    const [nginx = '', openssl = ''] = await programs('nginx', 'openssl');
    const dir = await mkdtemp(join(tmpdir(), 'latchkey-nginx-'));
    const port = await freePort();
    await makeCertificate(openssl, dir);
    const template = await readFile(CONF, 'utf8');
    const conf = template
      .replaceAll('{dir}', dir)
      .replaceAll('{listen}', `127.0.0.1:${port}`)
      .replaceAll('{app_port}', String(appPort));
    await writeFile(join(dir, 'nginx.conf'), conf);
    const args = ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'];
    const server = new Server(spawn(nginx, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await server.ready(async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect').finally(() => socket.destroy());
    });
    return new Nginx(server, dir, port, await readFile(join(dir, 'cert.pem'), 'utf8'));
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function makeCertificate(openssl: string, dir: string): Promise<void> {
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=app.example', '-addext', 'subjectAltName=DNS:app.example'];
  const kind = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' ');
  await promisify(execFile)(openssl, ['req', '-x509', ...kind, ...files, ...subject]);
}

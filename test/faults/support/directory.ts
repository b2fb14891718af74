import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The system of record for users: it is asked over HTTP, and loses nothing. */
export class Directory {
  private readonly users = new Map<string, object>();
  private version = 0;

  private constructor(private readonly server: Server) {
    server.on('request', ({ url = '' }, response) => {
      const user = this.users.get(url.slice(1));
      response.writeHead(user ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(user ?? {}));
    });
  }

  static async start(): Promise<Directory> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Directory(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** @returns the version of what is known now */
  set(userId: string, { roles, isBlocked }: { roles: readonly string[]; isBlocked: boolean }): number {
    const version = (this.version += 1);
    this.users.set(userId, { roles, version, ...(isBlocked && { block: { reason: 'spam' } }) });
    return version;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

import { Agent, type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import type { SessionModuleOptions } from '@latchkey/session';
import { AppProcess } from '../../support/app-process.js';

const ENTRY = join(import.meta.dirname, 'fault-node.mjs');
/** The second node's clock is ten minutes ahead, always: that changes nothing. */
const SKEW_MS = ['0', '600000'];

/** Options of the module that have a form in JSON, such as `{ durability: 'all-replicas', replicas: 1 }`. */
export type AppOptions = Omit<SessionModuleOptions, 'redis'>;

/** Where Redis is, for an app. */
export interface RedisPlace {
  readonly redis: unknown;
  /** Of a Cluster behind proxies: its addresses as the apps see them. */
  readonly nat?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

export interface Reply {
  readonly sentAt: number;
  readonly answeredAt: number;
  /** 0: the connection broke. */
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Sent {
  readonly token?: string;
  readonly ip?: string;
  /** As JSON. */
  readonly body?: object;
}

/** One app process, and a client of it whose clock is the caller's. */
export class FaultNode {
  isFrozen = false;
  private publishing: ClientRequest | undefined;
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    readonly name: string,
    private readonly app: AppProcess,
  ) {}

  static async start(index: number, place: RedisPlace, env: Record<string, string>): Promise<FaultNode> {
    const app = await AppProcess.start({
      entry: ENTRY,
      env: {
        ...env,
        ...(place.nat && { CLUSTER_NAT: JSON.stringify(place.nat) }),
        SKEW_MS: SKEW_MS[index] ?? '0',
      },
    });
    return new FaultNode(`node-${index}`, app);
  }

  get url(): string {
    return this.app.url;
  }

  get pid(): number | undefined {
    return this.app.pid;
  }

  get hasEnded(): boolean {
    return this.app.hasEnded;
  }

  get output(): string {
    return this.app.output;
  }

  freeze(): void {
    this.isFrozen = true;
    this.app.signal('SIGSTOP');
    this.publish({ n: 0 }); // the connection that brings posts is then the first that it reads
  }

  thaw(): void {
    this.isFrozen = false;
    this.app.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    this.publishing?.destroy();
    this.thaw();
    await this.app.stop('SIGKILL');
  }

  /** Has it send a post to every stream and socket. */
  publish(post: object): void {
    if (!this.publishing || this.publishing.destroyed) {
      const headers = { 'content-type': 'application/x-ndjson' };
      this.publishing = request(`${this.url}/publish`, { method: 'POST', headers, agent: false });
      this.publishing.on('error', () => undefined);
    }
    this.publishing.write(`${JSON.stringify(post)}\n`);
  }

  send(path: string, { token, ip, body }: Sent = {}): Promise<Reply> {
    const text = body && JSON.stringify(body);
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(ip !== undefined && { 'x-forwarded-for': ip }),
      ...(text !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      }),
    };
    const sentAt = performance.now();
    return new Promise((resolve) => {
      const settle = (status: number, received = ''): void =>
        resolve({
          sentAt,
          answeredAt: performance.now(),
          status,
          body: received ? JSON.parse(received) : {},
        });
      const method = text === undefined ? 'GET' : 'POST';
      const sent = request(`${this.url}${path}`, { method, headers, agent: this.agent }, (response) => {
        let received = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
        response.on('end', () => settle(response.statusCode ?? 0, received));
        response.on('error', () => settle(0));
      });
      sent.on('error', () => settle(0));
      sent.end(text);
    });
  }
}

/** @param directoryUrl where the apps find users' roles and blocks, if anywhere */
export async function startApps(
  place: RedisPlace,
  options: AppOptions,
  directoryUrl?: string,
): Promise<readonly [FaultNode, FaultNode]> {
  const env = {
    OPTIONS: JSON.stringify({ redis: place.redis, ...options }),
    ...(directoryUrl !== undefined && { DIRECTORY_URL: directoryUrl }),
  };
  return Promise.all([FaultNode.start(0, place, env), FaultNode.start(1, place, env)]);
}

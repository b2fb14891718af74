import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const HOST = '127.0.0.1';

interface Link {
  readonly client: Socket;
  readonly upstream?: Socket;
  /** Bytes were lost: the stream makes no sense any more and cannot be healed. */
  lossy: boolean;
}

/** A TCP proxy on 127.0.0.1 in front of a port there, for tests of a network that fails. */
export class CutOffProxy {
  /** How long each reply of the server is held back, in milliseconds; requests pass at once. Default 0. */
  delayMs = 0;
  private server?: Server;
  private swallowing = false;
  private readonly links = new Set<Link>();

  private constructor(
    private readonly targetPort: number,
    private ownPort: number,
  ) {}

  /** Starts a proxy in front of a port of 127.0.0.1. */
  static async start(targetPort: number): Promise<CutOffProxy> {
    const proxy = new CutOffProxy(targetPort, 0);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.ownPort;
  }

  /** The proxy's address as that of a Redis. */
  get url(): string {
    return `redis://${HOST}:${this.ownPort}`;
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.links.size;
  }

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.server?.close();
    delete this.server;
    this.breakLinks(() => true);
  }

  /** Accepts and keeps connections but swallows all that is sent, both ways. */
  blackhole(): void {
    this.swallowing = true;
  }

  /** Ends `cut()` and `blackhole()`. Connections that lost bytes are broken; the others live on. */
  async heal(): Promise<void> {
    this.swallowing = false;
    this.breakLinks((link) => link.lossy);
    if (!this.server) await this.listen();
  }

  /** Ends the proxy and all its connections. */
  async close(): Promise<void> {
    const closed = this.server && once(this.server, 'close');
    this.cut();
    await closed;
  }

  private async listen(): Promise<void> {
    const server = createServer((client) => this.accept(client));
    server.listen(this.ownPort, HOST);
    await once(server, 'listening'); // rejects on 'error'
    this.server = server;
    this.ownPort = (server.address() as AddressInfo).port;
  }

  private accept(client: Socket): void {
    const upstream = this.swallowing ? undefined : connect(this.targetPort, HOST);
    const link: Link = { client, lossy: this.swallowing, ...(upstream && { upstream }) };
    this.links.add(link);
    this.forward(link, client, upstream);
    if (upstream) this.forward(link, upstream, client);
  }

  /** Carries what one side sends to the other, in order, until either side is gone. */
  private forward(link: Link, from: Socket, to: Socket | undefined): void {
    const isReply = from === link.upstream;
    let delivered = Promise.resolve();
    const enqueue = (deliver: () => void): void => {
      const dueAt = performance.now() + (isReply ? this.delayMs : 0);
      delivered = delivered.then(async () => {
        const waitMs = dueAt - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        deliver();
      });
    };
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (this.swallowing || !to) link.lossy = true;
      else enqueue(() => this.deliver(link, to, chunk));
    });
    from.on('error', () => undefined); // 'close' follows
    from.on('close', () => enqueue(() => this.breakLinks((other) => other === link)));
  }

  private deliver(link: Link, to: Socket, chunk: Buffer): void {
    if (this.swallowing) link.lossy = true;
    else if (!to.destroyed) to.write(chunk);
  }

  private breakLinks(isMeant: (link: Link) => boolean): void {
    for (const link of [...this.links].filter(isMeant)) {
      this.links.delete(link);
      link.client.destroy();
      link.upstream?.destroy();
    }
  }
}

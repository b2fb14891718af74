import type { Redis } from 'ioredis';

/** What becomes of a subscription. None of the methods may throw. */
export interface SubscriberHandlers {
  onMessage(text: string): void;
  /** Nothing is heard from now on. */
  onLost(): void;
  /** Heard for the first time, or again; what was said in between is gone. */
  onHearing(): void;
}

/** A silent connection is asked this often whether it is still there, and given up when it does not say so in time. */
const PING_INTERVAL_MS = 1_000;
const PING_TIMEOUT_MS = 400;
const FIRST_RETRY_MS = 25;
const LONGEST_RETRY_MS = 250;

/**
 * Listens on one channel, on a connection of its own that is opened anew whenever it breaks. Publishing reaches every
 * node of a Cluster, so any one of them will do.
 */
export class RedisSubscriber {
  private isClosed = false;
  private hearing = false;
  private client: Redis | undefined;
  private retry: { readonly timer: NodeJS.Timeout; readonly go: () => void } | undefined;
  private running: Promise<void> | undefined;

  /** @param connect makes the next client, not yet connected, which does not reconnect by itself */
  constructor(
    private readonly connect: () => Redis,
    private readonly channel: string,
    private readonly handlers: SubscriberHandlers,
  ) {}

  get isHearing(): boolean {
    return this.hearing;
  }

  /** Begins to listen, and goes on until `close()`. */
  start(): void {
    this.running ??= this.run();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.client?.disconnect();
    this.retry?.go();
    await this.running;
  }

  private async run(): Promise<void> {
    let pauseMs = FIRST_RETRY_MS;
    while (!this.isClosed) {
      const wasHeard = await this.listenOnce();
      pauseMs = wasHeard ? FIRST_RETRY_MS : Math.min(2 * pauseMs, LONGEST_RETRY_MS);
      if (!this.isClosed) await this.pause(pauseMs);
    }
  }

  /** Listens until the connection breaks. @returns whether anything could be heard */
  private async listenOnce(): Promise<boolean> {
    let wasHeard = false;
    let client: Redis | undefined;
    try {
      client = this.client = this.connect();
      const ended = new Promise<void>((resolve) => client?.once('end', resolve));
      client.on('error', ignore); // 'end' follows
      client.on('message', (_channel: string, text: string) => this.handlers.onMessage(text));
      await client.connect();
      await client.subscribe(this.channel);
      wasHeard = true;
      this.setHearing(true);
      const pings = setInterval(() => void this.assureThere(client as Redis), PING_INTERVAL_MS);
      await ended;
      clearInterval(pings);
    } catch {
      // There is no server to listen to: it is looked for again.
    }
    if (client) leave(client);
    this.setHearing(false);
    return wasHeard;
  }

  private async assureThere(client: Redis): Promise<void> {
    const impatience = setTimeout(() => client.disconnect(), PING_TIMEOUT_MS);
    await client.ping().catch(() => client.disconnect());
    clearTimeout(impatience);
  }

  private setHearing(hearing: boolean): void {
    if (this.hearing === hearing) return;
    this.hearing = hearing;
    if (this.isClosed) return;
    if (hearing) this.handlers.onHearing();
    else this.handlers.onLost();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.retry = { timer, go: () => (clearTimeout(timer), resolve()) };
    });
  }
}

/** One that has ended would leave a timer behind; behind Sentinels it would leave a connection to each of them. */
function leave(client: Redis): void {
  if (client.status !== 'end' || client.options.sentinels) client.disconnect();
}

function ignore(): void {}

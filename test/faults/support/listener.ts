import { setTimeout as sleep } from 'node:timers/promises';
import { bearer, SocketClient, StreamClient } from '../../live/support/clients.js';
import type { FaultNode } from './fault-apps.js';
import type { Request } from './history.js';
import type { Target } from './load.js';

const TALK_EVERY_MS = 100;
/** A stream is closed by its client when its session has been over for so long: a process that stood still may be late. */
const LINGER_MS = 3_500;

/** A stream and a socket of one session. */
export class Listener {
  readonly ended: Promise<unknown>;
  private events: StreamClient | undefined;
  private messages: SocketClient | undefined;
  private readonly posts: { readonly n: number; readonly at: number }[] = [];
  private readonly replies: Request[] = [];
  /** When each message was sent that has no answer yet, by its number. */
  private readonly asked = new Map<number, number>();

  constructor(
    private readonly node: FaultNode,
    private readonly target: Target,
  ) {
    const headers = { ...bearer(target.token), 'x-forwarded-for': target.ip };
    this.ended = Promise.all([this.stream(headers), this.socket(headers)]).catch(() => undefined);
  }

  /** Sends messages until the session is over, and for a while after that, but no longer than the load lasts. */
  async talk(isOver: () => boolean, isStopping: () => boolean): Promise<void> {
    let n = 0;
    for (let until = Infinity; performance.now() < until && !isStopping(); await sleep(TALK_EVERY_MS)) {
      if (isOver()) until = Math.min(until, performance.now() + LINGER_MS);
      if (!this.messages || this.messages.end) continue;
      this.asked.set((n += 1), performance.now());
      this.messages.send('delete', { n });
    }
    this.close();
  }

  /** All that it has received, as requests. @param published when each post was */
  seen(published: ReadonlyMap<number, number>): Request[] {
    const of = (door: 'sse' | 'ws', n: number, at: number): Request => ({
      door,
      sentAt: published.get(n) ?? -Infinity,
      answeredAt: at,
      status: 200,
      needs: this.target.listens,
      node: this.node.name,
    });
    const events = this.events?.events.filter(({ name }) => name === 'post') ?? [];
    return [
      ...events.map(({ data, at }) => of('sse', Number(data['n']), at)),
      ...this.posts.map(({ n, at }) => of('ws', n, at)),
      ...this.replies,
    ];
  }

  close(): void {
    this.events?.close();
    this.messages?.close();
  }

  private async stream(headers: Record<string, string>): Promise<void> {
    this.events = await StreamClient.open(this.node.url, headers);
    await this.events.ended(600_000);
  }

  private async socket(headers: Record<string, string>): Promise<void> {
    const client = await SocketClient.open(this.node.url, headers);
    this.messages = client;
    client.socket.on('message', (text: Buffer) => this.receive(JSON.parse(text.toString())));
    await client.ended(600_000);
  }

  private receive({ event, data }: { event: string; data: Record<string, unknown> }): void {
    const at = performance.now();
    if (event === 'post') this.posts.push({ n: Number(data['n']), at });
    if (event !== 'deleted' && event !== 'exception') return;
    // They are answered in order, and an exception does not say which one it answers.
    const [oldest] = this.asked.keys();
    const n = event === 'deleted' ? Number(data['n']) : oldest;
    const sentAt = this.asked.get(n ?? 0);
    for (const other of this.asked.keys()) if (other <= (n ?? 0)) this.asked.delete(other);
    if (sentAt === undefined) return;
    const status = event === 'deleted' ? 200 : Number(data['status']);
    const needs = [...this.target.needs, this.target.role];
    this.replies.push({ door: 'message', sentAt, answeredAt: at, status, needs, node: this.node.name });
  }
}

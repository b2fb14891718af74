import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from './random.js';
import { upgradeBytesOf } from './upgrade-bytes.js';

interface FuzzOptions {
  readonly url: string;
  readonly token: string;
  readonly seed: number;
  readonly count: number;
  /** It also ends then. */
  readonly timeLimitMs?: number;
  readonly concurrency?: number;
}

interface FuzzReport {
  readonly sent: number;
  /** How often each status came, 0 for no reply. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The requests that were answered with 5xx other than 503, as they were sent; the first few. */
  readonly faults: readonly string[];
}

/** Sends odd upgrades, and breaks the connections at every stage. */
export async function fuzzUpgrades(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, count, timeLimitMs = Infinity, concurrency = 16 } = options;
  const random = new Random(seed);
  const deadline = performance.now() + timeLimitMs;
  const statuses: Record<string, number> = {};
  const faults: string[] = [];
  let sent = 0;
  const work = async (): Promise<void> => {
    while (sent < count && performance.now() < deadline) {
      sent += 1;
      const bytes = upgradeBytesOf(random, options.token);
      const reply = await sendOne(options.url, bytes, new Random(random.below(2 ** 32)));
      const found = [...reply.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => String(status));
      for (const status of found.length > 0 ? found : ['0']) statuses[status] = (statuses[status] ?? 0) + 1;
      if (found.some((status) => status.startsWith('5') && status !== '503') && faults.length < 5)
        faults.push(`${JSON.stringify(bytes)} was answered ${JSON.stringify(reply.slice(0, 500))}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { sent, statuses, faults };
}

/** @returns what came back until the connection was broken */
async function sendOne(url: string, bytes: string, random: Random): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let reply = '';
  let firstReply = (): void => undefined;
  const replied = new Promise<void>((resolve) => (firstReply = resolve));
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  socket.setEncoding('latin1').on('data', (text: string) => {
    reply += text;
    firstReply();
  });
  socket.on('error', () => undefined);
  const over = Promise.race([
    closed,
    new Promise<void>((resolve) => void socket.once('end', () => resolve())),
  ]);
  const cut = random.chance(0.5) ? random.below(bytes.length + 1) : bytes.length;
  write(socket, bytes.slice(0, cut));
  if (random.chance(0.2)) await sleep(random.below(5));
  if (random.chance(0.1)) breakOff(socket, random);
  write(socket, bytes.slice(cut));
  if (random.chance(0.15)) breakOff(socket, random);
  if (random.chance(0.7))
    await Promise.race([replied, over, sleep(random.chance(0.8) ? 200 : random.below(40))]);
  if (random.chance(0.3)) await Promise.race([over, sleep(random.below(60))]);
  if (random.chance(0.2)) write(socket, random.bytes(random.below(100)));
  if (random.chance(0.7)) reset(socket);
  else socket.destroy();
  await Promise.race([closed, sleep(20)]); // one that is reset before it is connected may never say so
  return reply;
}

function write(socket: Socket, bytes: string): void {
  if (!socket.destroyed && socket.writable) socket.write(bytes, 'latin1');
}

function breakOff(socket: Socket, random: Random): void {
  if (random.chance(0.5)) reset(socket);
  else socket.end();
}

/** Node never closes the handle of a socket that is reset after its end was sent: the process could not end. */
function reset(socket: Socket): void {
  if (socket.connecting || socket.destroyed || !socket.writable) socket.destroy();
  else socket.resetAndDestroy();
}

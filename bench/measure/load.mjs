// An HTTP client of its own: keep-alive connections that each send the next request when the answer to the last is there.
// It costs a fraction of what a general one does, and so leaves the second core to Redis.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Requests as bytes, one for each credential. */
export function requestsFor({ path, port, credentials }) {
  return credentials.map((headers) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${lines.join('')}\r\n`);
  });
}

/** Load on one app. The first answer that is not 200 ends it with an error. */
export class Load {
  #connections = [];
  #latencies;
  #failure;
  #left;
  #isEnding = false;
  completed = 0;

  /** @param target `{ port, requests }`; `limit`: how many to send in all, each request once */
  constructor({ target: { port, requests }, connections, limit = Infinity }) {
    this.#left = limit;
    const shared = { requests, next: 0 };
    for (let index = 0; index < connections; index++) {
      this.#connections.push(this.#open(port, limit < Infinity ? shared : { requests, next: index * 7 }));
    }
  }

  /** Resolves when all requests are answered: after `end()`, or when the limit is reached. */
  async finished() {
    await Promise.all(this.#connections);
    if (this.#failure) throw this.#failure;
  }

  end() {
    this.#isEnding = true;
  }

  /** Begins to keep latencies, in milliseconds. */
  keepLatencies() {
    this.#latencies = [];
    return this.#latencies;
  }

  #open(port, turns) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let [sentAt, pending] = [0, ''];
    const next = () => {
      if (this.#isEnding || this.#failure || this.#left <= 0) return socket.end();
      this.#left--;
      sentAt = performance.now();
      return socket.write(turns.requests[turns.next++ % turns.requests.length]);
    };
    socket.setEncoding('latin1');
    socket.on('connect', next);
    socket.on('data', (text) => {
      pending += text;
      const bodyAt = pending.indexOf('\r\n\r\n') + 4;
      if (bodyAt === 3) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(pending)?.[1];
      if (pending.length < bodyAt + Number(length ?? 0)) return;
      if (!pending.startsWith('HTTP/1.1 200') || length === undefined) {
        this.#fail(new Error(`port ${port} answered\n${pending.slice(0, 500)}`));
      }
      pending = '';
      this.completed++;
      this.#latencies?.push(performance.now() - sentAt);
      next();
    });
    return new Promise((resolve) => {
      socket.on('error', (error) => this.#fail(error));
      socket.on('close', () => {
        if (!this.#isEnding && this.#left > 0) this.#fail(new Error(`port ${port} closed a connection`));
        resolve();
      });
    });
  }

  #fail(error) {
    this.#failure ??= error;
  }

  get hasFailed() {
    return this.#failure !== undefined;
  }
}

/** Loads an app for a while and measures a window in it, in which the app's CPU time is known, too. */
export async function measureLoad({ app, path = '/me', connections, rampMs, windowMs }) {
  const load = new Load({ target: app.target(path), connections });
  await sleep(rampMs);
  const [startedAt, before, ownBefore] = [performance.now(), await app.usage(), process.cpuUsage()];
  const latencies = load.keepLatencies();
  const completedBefore = load.completed;
  for (const until = performance.now() + windowMs; !load.hasFailed && performance.now() < until;) {
    await sleep(Math.min(50, windowMs));
  }
  const [after, requests, endedAt] = [await app.usage(), load.completed - completedBefore, performance.now()];
  const own = process.cpuUsage(ownBefore);
  load.end();
  await load.finished();
  return {
    requests: load.completed,
    latencies,
    perSecond: (requests / (endedAt - startedAt)) * 1000,
    cpuUs: (after.cpuUs - before.cpuUs) / Math.max(1, requests),
    clientCpu: (own.user + own.system) / 1000 / (endedAt - startedAt),
  };
}

// What a check costs Redis: the very commands that an app sends are recorded once and then replayed in pipelines, so
// that one Redis core is busy with nothing else and no client is in its way.
import { connect, createServer } from 'node:net';
import { findConfiguration } from '../apps/index.mjs';
import { AppProcess } from '../measure/app-process.mjs';
import { Load } from '../measure/load.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { round, spread } from '../measure/statistics.mjs';

const CONNECTIONS = 4;
const DEPTH = 32;
const MEASURED = ['latchkey', 'latchkey-touch', 'latchkey+quota', 'latchkey+3-quotas'];
const MARK = 'end-of-batch';
const MARK_COMMAND = Buffer.from(`*2\r\n$4\r\nECHO\r\n$${MARK.length}\r\n${MARK}\r\n`);

export async function measureChecks(options) {
  const subjects = [];
  try {
    for (const name of MEASURED) {
      const redis = await RedisServer.start();
      const configuration = findConfiguration(name);
      const subject = { name, label: configuration.label, redis, samples: [] };
      subjects.push(subject);
      subject.recorded = await recordChecks(configuration, redis, options);
    }
    for (let index = 0; index < options.rounds; index++) {
      for (const { redis, recorded, samples } of subjects) {
        samples.push(await replay(redis, recorded, options.replayMs));
      }
    }
    options.log('checks: replayed');
    return subjects.map(({ name, label, samples }) => {
      const all = (what) => samples.map((sample) => sample[what]);
      const serverUs = spread(all('serverUs'), 2);
      return {
        name,
        label,
        scriptUs: spread(all('scriptUs'), 2),
        serverUs,
        perCoreSecond: round(1e6 / serverUs.median),
        perSecond: spread(all('perSecond'), 0),
      };
    });
  } finally {
    for (const { redis } of subjects) await redis.stop();
  }
}

/** The checks that one request of each user sends, in batches, and how many bytes the replies to a batch have. */
async function recordChecks(configuration, redis, { users }) {
  const recorder = await Recorder.start(redis.port);
  const app = await AppProcess.start({ configuration, platform: 'fastify', redisUrl: recorder.url, users });
  try {
    const target = app.target('/me');
    await new Load({ target, connections: 1, limit: 1 }).finished(); // Redis knows the script from here on
    const { sent, received } = await recorder.record(() =>
      new Load({ target, connections: 1, limit: users }).finished(),
    );
    const checks = sent.filter((chunk) => /evalsha/i.test(chunk.toString('latin1')));
    if (checks.length < users)
      throw new Error(`${configuration.name}: ${users} requests sent ${checks.length} checks`);
    return { batches: batchesOf(checks), replyBytes: (received / checks.length) * DEPTH };
  } finally {
    await app.stop();
    recorder.stop();
  }
}

/** A TCP proxy that can keep what clients send, and count what comes back. */
class Recorder {
  #sockets = new Set();
  #record;

  static async start(targetPort) {
    const recorder = new Recorder();
    recorder.server = createServer({ noDelay: true }, (client) => recorder.#link(client, targetPort));
    await new Promise((resolve) => {
      recorder.server.listen(0, '127.0.0.1', resolve);
    });
    return recorder;
  }

  get url() {
    return `redis://127.0.0.1:${this.server.address().port}`;
  }

  async record(act) {
    this.#record = { sent: [], received: 0 };
    await act();
    return this.#record;
  }

  stop() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #link(client, port) {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('close', () => upstream.destroy());
    upstream.on('data', (chunk) => {
      if (this.#record) this.#record.received += chunk.length;
      client.write(chunk);
    });
    client.on('data', (chunk) => {
      this.#record?.sent.push(chunk);
      upstream.write(chunk);
    });
  }
}

function batchesOf(checks) {
  const batches = [];
  for (let start = 0; start + DEPTH <= checks.length; start += DEPTH) {
    batches.push(Buffer.concat([...checks.slice(start, start + DEPTH), MARK_COMMAND]));
  }
  if (batches.length < CONNECTIONS) throw new Error(`${checks.length} checks are too few to replay`);
  return batches;
}

async function replay(redis, recorded, forMs) {
  const [startedAt, before, scriptsBefore] = [
    performance.now(),
    await redis.usage(),
    await redis.command('evalsha'),
  ];
  const until = startedAt + forMs;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) =>
      replayOn(redis.port, { ...recorded, first: index, until }),
    ),
  );
  const [scripts, after, endedAt] = [await redis.command('evalsha'), await redis.usage(), performance.now()];
  const calls = scripts.calls - scriptsBefore.calls;
  return {
    perSecond: calls / ((endedAt - startedAt) / 1000),
    scriptUs: (scripts.us - scriptsBefore.us) / calls,
    serverUs: (after.cpuUs - before.cpuUs) / calls,
  };
}

/**
 * Each connection keeps to batches of its own, one after the other.
 * @throws Error when the replies are shorter than those that let the requests in: a refusal says little
 */
function replayOn(port, { batches, replyBytes, first, until }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let [next, text] = [first, ''];
    const send = () => {
      if (performance.now() >= until) return socket.destroy();
      next = next + CONNECTIONS < batches.length ? next + CONNECTIONS : first;
      return socket.write(batches[next]);
    };
    socket.setEncoding('latin1').on('connect', send);
    socket.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith(`${MARK}\r\n`)) return;
      if (text.length < replyBytes * 0.9)
        reject(new Error(`Replayed checks were refused: ${text.slice(0, 80)}`));
      text = '';
      send();
    });
    socket.on('error', reject).on('close', resolve);
  });
}

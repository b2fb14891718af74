// Over 250 lines: the measures and the tables that they fill go together.
// What users and sessions weigh in Redis and what each act costs there, and what that comes to from one shard to a billion
// sessions. `node bench/sizing.mjs` measures (some minutes), keeps the figures in results/sizing.json and writes the tables
// into docs/sizing.md; `--tables` only writes them, `--check` only tells whether they are what the JSON says.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { buildLibrary } from '../scripts/build-lib.mjs';
import { describeMachine } from './measure/machine.mjs';
import { RedisServer } from './measure/redis-server.mjs';
import { round } from './measure/statistics.mjs';

const RESULTS = new URL('results/sizing.json', import.meta.url);
const PAGE = new URL('../docs/sizing.md', import.meta.url);
const MARKS = (name) => [`<!-- sizing:${name}:begin -->`, `<!-- sizing:${name}:end -->`];

const USERS = 10_000;
const SESSIONS = [1, 2, 3, 10];
const ROUNDS = 9;
const CALLS = 2_000;
const AT_ONCE = 100;
const DEVICE = { name: 'Laptop', userAgent: 'Firefox 150 on Linux', ip: '203.0.113.7' };
const DATA = { cart: Array.from({ length: 8 }, (_, i) => ({ id: 1_000 + i, n: 1 })) };
const KINDS = {
  plain: {},
  'with refresh tokens': { refresh: true },
  'with 154 bytes of data': { sessionData: {} },
};

/** A Redis shard is kept to what one core and one machine's memory bear: it must be saved, copied and moved. */
const SHARD_BYTES = 24 * 2 ** 30;
const LOAD = 0.6;
/** Of fragmentation, replication's buffers, and what a save copies. */
const HEADROOM = 1.4;
const SESSIONS_PER_USER = 2;
/** A session in use sends a request every ten seconds, and one of ten is in use. */
const REQUESTS_PER_SESSION = 0.01;
const SIZES = [1e6, 1e7, 1e8, 1e9];

async function libraryOn(redis, options) {
  const { SessionEvents, SessionModule, SessionService, UserStateService } =
    await import('../libs/session/dist/esm/index.js');
  const settings = { commandTimeoutMs: 10_000, ...options, redis: redis.url };
  const app = await NestFactory.createApplicationContext(SessionModule.forRoot(settings), {
    logger: ['error', 'warn'],
  });
  return {
    users: app.get(UserStateService),
    sessions: app.get(SessionService),
    events: app.get(SessionEvents),
    close: () => app.close(),
  };
}

/** Does it for every item, so many at a time. */
async function forEach(items, act) {
  let next = 0;
  const results = [];
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await act(items[i], i);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function usedBytes(redis) {
  await redis.client.call('MEMORY', 'PURGE');
  return Number((await redis.info('memory')).used_memory);
}

/** What all that is there of a user weighs, from a sample. */
async function bytesOfKeys({ client }) {
  let [bytes, cursor, seen] = [0, '0', 0];
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', 'lk:{*}:*', 'COUNT', 500);
    cursor = next;
    const found = keys.filter((key) => !key.startsWith('lk:{live}'));
    for (const size of await Promise.all(found.map((key) => client.memory('USAGE', key)))) bytes += size;
    seen += found.filter((key) => key.endsWith(':user')).length;
  } while (cursor !== '0' && seen < 1_000);
  return bytes / seen;
}

/** By MEMORY USAGE of the users' keys, and by what the server says that it uses. */
async function measureMemory(options) {
  const redis = await RedisServer.start();
  const library = await libraryOn(redis, { maxSessionsPerUser: 100, ...options });
  const ids = Array.from(
    { length: USERS },
    (_, i) => `01890000-0000-7000-8000-${String(i).padStart(12, '0')}`,
  );
  const rows = [];
  try {
    const empty = await usedBytes(redis);
    await forEach(ids, (id) => library.users.ensure(id, { roles: ['user'] }));
    let made = 0;
    for (const count of SESSIONS) {
      for (; made < count; made++) {
        await forEach(ids, async (id) => {
          const data = options.sessionData ? { data: DATA } : {};
          const { refreshToken } = await library.sessions.create(id, { device: DEVICE, ...data });
          // What a rotation adds is there from the first refresh on.
          if (refreshToken) await library.sessions.refresh(refreshToken, { device: DEVICE });
        });
      }
      const bytes = (await usedBytes(redis)) - empty;
      rows.push({ sessions: count, keys: round(await bytesOfKeys(redis)), user: round(bytes / USERS) });
    }
    return rows;
  } finally {
    await library.close();
    await redis.stop();
  }
}

/** In microseconds a call: of its scripts, by INFO commandstats, and of all the server's CPU time. */
async function costOf(redis, items, act) {
  const [before, used] = [await redis.command('evalsha'), await redis.usage()];
  await forEach(items, act);
  const [after, usedAfter] = [await redis.command('evalsha'), await redis.usage()];
  return {
    script: (after.us - before.us) / items.length,
    cpu: (usedAfter.cpuUs - used.cpuUs) / items.length,
  };
}

async function measureActs() {
  const redis = await RedisServer.start();
  const plain = await libraryOn(redis, {});
  const refreshing = await libraryOn(redis, { refresh: true });
  const quota = { name: 'all', quota: 1_000_000, windowMs: 1_000, burst: 1_000_000, by: 'user' };
  const samples = {};
  try {
    for (let turn = 0; turn < ROUNDS; turn++) {
      const ids = Array.from({ length: CALLS }, (_, i) => `user-${turn}-${i}`);
      const note = async (name, items, act) => (samples[name] ??= []).push(await costOf(redis, items, act));
      const { users, sessions } = plain;
      await forEach(ids, (id) => users.ensure(id, { roles: ['user'] }));
      await forEach(ids, (id) => sessions.create(id, { device: DEVICE }));
      const issued = [];
      await note('login', ids, async (id, i) => (issued[i] = await sessions.create(id, { device: DEVICE })));
      await note('check', issued, ({ token }) => sessions.authenticate(token));
      await note('check with a quota', issued, ({ token }) =>
        sessions.authenticate(token, { roleGroups: [], quotas: [quota] }),
      );
      await note('list', ids, (id) => sessions.list(id));
      await note('logout', issued, ({ session }) => sessions.revoke(session.userId, session.id, 'logout'));
      const family = [];
      await forEach(
        ids,
        async (id, i) => (family[i] = await refreshing.sessions.create(id, { device: DEVICE })),
      );
      await note('refresh', family, ({ refreshToken }) =>
        refreshing.sessions.refresh(refreshToken, { device: DEVICE }),
      );
      await note('role change', ids, (id) => users.setRoles(id, ['editor']));
      await note('block', ids, (id) => users.block(id, { reason: 'bench' }));
      await forEach(ids, (id) => users.erase(id));
    }
    const fastest = (list) => Math.min(...list);
    return Object.fromEntries(
      Object.entries(samples).map(([name, list]) => [
        name,
        Object.fromEntries(
          ['script', 'cpu'].map((what) => [what, round(fastest(list.map((one) => one[what])), 1)]),
        ),
      ]),
    );
  } finally {
    await plain.close();
    await refreshing.close();
    await redis.stop();
  }
}

/** As Redis tells it: of a login. */
async function lineOfLogin(redis) {
  const [hearer, library] = [new Redis(redis.port, '127.0.0.1'), await libraryOn(redis, {})];
  try {
    await hearer.subscribe('lk:events');
    const heard = new Promise((resolve) => hearer.on('message', (_, text) => resolve(text)));
    await library.users.ensure('user-1');
    await library.sessions.create('user-1', { device: DEVICE });
    return await heard;
  } finally {
    hearer.disconnect();
    await library.close();
  }
}

/** Of the big bench: under HTTP, calls come in smaller batches than here, and each costs more. */
function checkUnderHttp() {
  const { http } = JSON.parse(readFileSync(new URL('results/results.json', import.meta.url), 'utf8'));
  const isIt = ({ name, redisMs, reads }) => name === 'latchkey+quota' && redisMs === 0 && !reads;
  return Math.min(...http.rows.filter(isIt).map(({ redisCpuUs }) => redisCpuUs));
}

/** What one event costs: the server for each node that hears it, and a node that listens for others to read it. */
export async function measureEvents() {
  const redis = await RedisServer.start();
  const line = await lineOfLogin(redis);
  const publish = async (channel) => {
    const before = await redis.usage();
    const cpu = process.cpuUsage();
    await forEach(Array.from({ length: 20_000 }), () => redis.client.publish(channel, line));
    await redis.client.ping();
    const { user, system } = process.cpuUsage(cpu);
    return { redis: ((await redis.usage()).cpuUs - before.cpuUs) / 20_000, node: (user + system) / 20_000 };
  };
  const hearers = [];
  try {
    const alone = [await publish('lk:events'), await publish('lk:events'), await publish('lk:events')];
    const cost = (list, what) => Math.min(...list.map((one) => one[what]));
    const library = await libraryOn(redis, {});
    await library.events.on('user.blocked', () => undefined);
    const heard = [await publish('lk:events'), await publish('lk:events'), await publish('lk:events')];
    await library.close();
    for (let i = 0; i < 20; i++) {
      const hearer = new Redis(redis.port, '127.0.0.1');
      await hearer.subscribe('other');
      hearers.push(hearer);
    }
    const many = [await publish('other'), await publish('other'), await publish('other')];
    return {
      redisPerNode: round((cost(many, 'redis') - cost(alone, 'redis')) / hearers.length, 2),
      perNode: round(Math.max(0, cost(heard, 'node') - cost(alone, 'node')), 1),
    };
  } finally {
    for (const hearer of hearers) hearer.disconnect();
    await redis.stop();
  }
}

export async function measure(log = console.log) {
  const machine = describeMachine();
  const memory = {};
  for (const [kind, options] of Object.entries(KINDS)) {
    memory[kind] = await measureMemory(options);
    log(`${kind}: ${JSON.stringify(memory[kind])}`);
  }
  const acts = await measureActs();
  log(JSON.stringify(acts));
  const events = await measureEvents();
  log(JSON.stringify(events));
  return {
    at: new Date().toISOString(),
    machine,
    users: USERS,
    rounds: ROUNDS,
    calls: CALLS,
    memory,
    acts,
    events,
    checkUnderHttp: { cpu: checkUnderHttp() },
  };
}

const number = (value) => value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 });
const table = (head, rows) =>
  [head, head.map(() => '---:').with(0, '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function size(bytes) {
  const [unit, of] =
    bytes >= 2 ** 40 ? ['TiB', 2 ** 40] : bytes >= 2 ** 30 ? ['GiB', 2 ** 30] : ['MiB', 2 ** 20];
  return `${number(bytes / of)} ${unit}`;
}

function duration(seconds) {
  if (seconds < 1) return `${number(seconds * 1_000)} ms`;
  return seconds < 120 ? `${number(seconds)} s` : `${number(seconds / 60)} min`;
}

/** What so many sessions take. */
export function sizeOf(results, sessions) {
  const { memory, acts, checkUnderHttp: check } = results;
  const users = sessions / SESSIONS_PER_USER;
  const { user } = memory.plain.find((row) => row.sessions === SESSIONS_PER_USER);
  const bytes = users * user * HEADROOM;
  const checks = sessions * REQUESTS_PER_SESSION;
  const cores = (checks * check.cpu) / 1e6 / LOAD;
  const shards = Math.max(1, Math.ceil(bytes / SHARD_BYTES), Math.ceil(cores));
  return {
    users,
    bytes,
    checks,
    cores,
    shards,
    stormSeconds: (users * acts.login.cpu) / 1e6 / (shards * LOAD),
  };
}

function tables(results) {
  const { memory, acts, events } = results;
  const kinds = Object.keys(memory);
  return {
    machine: `Measured ${results.at.slice(0, 10)} on ${results.machine.cores} cores of ${results.machine.cpu}, Redis ${results.machine.redis}, Node ${results.machine.node}.`,
    memory: table(
      ['sessions of a user', ...kinds],
      SESSIONS.map((count, i) => [count, ...kinds.map((kind) => `${number(memory[kind][i].user)} bytes`)]),
    ),
    acts: table(
      ['act', 'script', 'CPU of Redis', 'a core at 60 % does'],
      Object.entries(acts).map(([name, { script, cpu }]) => [
        name,
        `${number(script)} µs`,
        `${number(cpu)} µs`,
        `${number(Math.round((LOAD * 1e6) / cpu / 100) * 100)} a second`,
      ]),
    ),
    events: `An event costs Redis ${number(events.redisPerNode)} µs for each node that hears it, and each node ${number(events.perNode)} µs.`,
    sizes: table(
      ['sessions', 'users', 'memory', 'checks a second', 'cores', 'shards', 'everybody logs in once'],
      SIZES.map((sessions) => {
        const { users, bytes, checks, cores, shards, stormSeconds } = sizeOf(results, sessions);
        return [sessions, users, size(bytes), checks, cores, shards, duration(stormSeconds)].map((one) =>
          typeof one === 'number' ? number(one) : one,
        );
      }),
    ),
  };
}

function written(page, results) {
  let text = page;
  for (const [name, block] of Object.entries(tables(results))) {
    const [begin, end] = MARKS(name).map((mark) => text.indexOf(mark));
    if (begin < 0 || end < 0) throw new Error(`docs/sizing.md has no place for ${name}`);
    text = `${text.slice(0, begin)}${MARKS(name)[0]}\n\n${block}\n\n${text.slice(end)}`;
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.length === 0) {
    await buildLibrary({ ifNeeded: true });
    writeFileSync(RESULTS, `${JSON.stringify(await measure(), null, 2)}\n`);
  }
  const page = readFileSync(PAGE, 'utf8');
  const right = written(page, JSON.parse(readFileSync(RESULTS, 'utf8')));
  if (!args.includes('--check')) writeFileSync(PAGE, right);
  else if (page !== right) {
    console.error(
      'docs/sizing.md does not say what results/sizing.json does: node bench/sizing.mjs --tables',
    );
    process.exitCode = 1;
  }
}

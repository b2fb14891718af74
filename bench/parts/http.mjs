// Every configuration in turns with ours of its kind and with the same app without auth: each window of a peer has one of
// ours and one of no auth right beside it, and all ratios are of such neighbours. All apps run from the beginning, each
// warmed until its CPU time per request falls no more, and warmed again before its turns come: V8 throws away the code of
// what is idle, so that one which is measured seldom would be slower than one which is measured beside every other. The
// turns of one peer follow each other, so that no app of the three stands still for longer than the other two's windows.
import { AT_A_DISTANCE, CONFIGURATIONS } from '../apps/index.mjs';
import { AppProcess } from '../measure/app-process.mjs';
import { measureLoad } from '../measure/load.mjs';
import { DelayProxy } from '../measure/proxy.mjs';
import { RedisServer } from '../measure/redis-server.mjs';
import { assertCalls, countCommands } from '../measure/round-trips.mjs';
import { median, quantile, round, spread } from '../measure/statistics.mjs';

const BASELINE = 'none';
const PINGS = 200;
const WARMING_CONNECTIONS = 16;
const STARTED_AT_ONCE = 2;
/** A window that is not so much cheaper than those before is flat. */
const FLAT = 0.98;

/** Those to be measured on a platform, with the ones that they are measured beside. */
function chosenOn(platform, only) {
  const serves = ({ platforms, isReplayed }) => !isReplayed && (!platforms || platforms.includes(platform));
  const names = Array.isArray(only) ? only : only?.[platform];
  const chosen = CONFIGURATIONS.filter((one) => serves(one) && (!names || names.includes(one.name)));
  const beside = new Set([BASELINE, ...chosen.map(({ against }) => against)]);
  return CONFIGURATIONS.filter((one) => serves(one) && (chosen.includes(one) || beside.has(one.name)));
}

export async function measureHttp(options) {
  const found = { rows: [], pings: [], absent: [], warmed: {} };
  for (const platform of options.platforms) await measurePlatform(platform, options, found);
  return found;
}

async function measurePlatform(platform, options, found) {
  const redis = await RedisServer.start();
  const proxy = await DelayProxy.start(redis.port);
  const chosen = chosenOn(platform, options.only);
  try {
    const near = { platform, redis, options, redisUrl: redis.url, redisMs: 0, ...options.near };
    found.rows.push(...(await measureWhere(near, chosen, found)));
    for (const redisMs of options.distances) {
      await proxy.setDelay(redisMs);
      const far = { ...near, proxy, redisUrl: proxy.url, redisMs, ...options.far };
      const subjects = chosen.filter(({ name }) => name === BASELINE || AT_A_DISTANCE.includes(name));
      found.rows.push(...(await measureWhere(far, subjects, found)));
      found.pings.push({ platform, redisMs, p50Ms: round(await ping(proxy.port, redis.client), 2) });
    }
  } finally {
    await proxy.stop();
    await redis.stop();
  }
}

/** All that is measured with Redis at one distance. */
async function measureWhere(place, configurations, found) {
  const { options, platform, redisMs, connections, rounds } = place;
  const subjects = new Map();
  try {
    for (let at = 0; at < configurations.length; at += STARTED_AT_ONCE) {
      const starting = configurations.slice(at, at + STARTED_AT_ONCE).map((one) => start(one, place, found));
      for (const subject of await Promise.all(starting))
        if (subject) subjects.set(subject.configuration.name, subject);
    }
    for (const subject of subjects.values()) await warmUp(subject, place, found);
    options.log(`${platform}: ${subjects.size} apps are warm, Redis ${redisMs} ms away`);
    const base = subjects.get(BASELINE);
    const peers = [...subjects.values()].filter((one) => one !== base);
    const groups = peers.map((peer) => [base, subjects.get(peer.configuration.against) ?? peer, peer]);
    for (const [at, group] of groups.entries()) {
      await warmAgain(group, options);
      for (let index = 0; index < rounds; index++) {
        for (const [later, count] of connections.entries())
          await measureGroup(group, { place, count, turn: index + at + later });
      }
      options.log(`${platform}: ${at + 1} of ${groups.length} peers, Redis ${redisMs} ms away`);
    }
    return [...subjects.values()].flatMap((subject) =>
      connections.flatMap((count) => rowsOf(subject, place, count)),
    );
  } finally {
    await Promise.all([...subjects.values()].map(({ app }) => app.stop()));
  }
}

/** @returns `undefined` for what the library does not know yet */
async function start(configuration, { platform, redisUrl, options }, found) {
  try {
    const app = await AppProcess.start({
      configuration,
      platform,
      redisUrl,
      users: configuration.users ?? options.users,
    });
    return { configuration, app, windows: [] };
  } catch (error) {
    if (!configuration.absentIf?.test(error.message)) throw error;
    if (!found.absent.includes(configuration.name)) found.absent.push(configuration.name);
    return undefined;
  }
}

/** Warms an app up, and counts the Redis calls of a request. */
async function warmUp(subject, { platform, redis, redisMs, options }, found) {
  const { configuration, app } = subject;
  const seconds = await warm(app, options);
  if (redisMs === 0) found.warmed[`${configuration.name}, ${platform}`] = seconds;
  subject.commands = await countCommands({ app, redis, path: '/me' });
  assertCalls(configuration, subject.commands);
}

/** All of a group in turns, as they are measured then: none is idle while another is warmed. */
async function warmAgain(group, { warmAgainMs, warmMs }) {
  for (let warmedMs = 0; warmedMs < warmAgainMs; warmedMs += warmMs.window) {
    for (const { app } of new Set(group))
      await measureLoad({ app, connections: WARMING_CONNECTIONS, rampMs: 0, windowMs: warmMs.window });
  }
}

/** Until the CPU time of a request is flat: three windows no cheaper than the three before. @returns how many seconds */
async function warm(app, { warmMs: { least, most, window } }) {
  const [startedAt, costs] = [performance.now(), []];
  const isFlat = () => median(costs.slice(-3)) >= FLAT * median(costs.slice(-6, -3));
  for (;;) {
    const load = { app, connections: WARMING_CONNECTIONS, rampMs: 0, windowMs: window };
    costs.push((await measureLoad(load)).cpuUs);
    const tookMs = performance.now() - startedAt;
    if (tookMs >= most || (tookMs >= least && costs.length >= 6 && isFlat())) return round(tookMs / 1_000, 1);
  }
}

/** One window each of no auth, of ours and of the peer, in an order that changes from turn to turn. */
async function measureGroup(group, { place, count, turn }) {
  const order = [...new Set(group)];
  for (let step = 0; step < turn % order.length; step++) order.push(order.shift());
  if (turn % 2 === 1) order.reverse();
  const measured = new Map();
  for (const subject of order) measured.set(subject, await measureWindow(subject, place, count));
  const [base, ours, peer] = group;
  for (const subject of order) {
    const [own, without] = [measured.get(subject), measured.get(base)];
    const beside = subject === peer && peer !== ours ? measured.get(ours) : undefined;
    subject.windows.push({ count, own, base: without, ours: beside });
  }
}

async function measureWindow(subject, { redis, options }, connections) {
  const { rampMs, windowMs } = options;
  const before = await redis.usage();
  const load = await measureLoad({ app: subject.app, connections, rampMs, windowMs });
  const after = await redis.usage();
  return { ...load, redisCpuUs: (after.cpuUs - before.cpuUs) / load.requests };
}

async function ping(port, client) {
  const pinger = client.duplicate({ port });
  try {
    const latencies = [];
    for (let index = 0; index < PINGS; index++) {
      const sentAt = performance.now();
      await pinger.ping();
      latencies.push(performance.now() - sentAt);
    }
    return quantile(latencies, 0.5);
  } finally {
    pinger.disconnect();
  }
}

function rowsOf({ configuration, commands, windows }, { platform, redisMs }, connections) {
  const mine = windows.filter(({ count }) => count === connections);
  if (mine.length === 0) return [];
  const { name, label, against, redisCalls } = configuration;
  const all = (what, decimals) =>
    spread(
      mine.map(({ own }) => own[what]),
      decimals,
    );
  const beside = mine.filter(({ ours }) => ours);
  const latencies = mine.flatMap(({ own }) => own.latencies);
  return [
    {
      platform,
      redisMs,
      connections,
      name,
      label,
      against,
      fraction: spread(
        mine.map(({ own, base }) => own.perSecond / base.perSecond),
        3,
      ),
      ...(beside.length > 0
        ? {
            toOurs: spread(
              beside.map(({ own, ours }) => own.perSecond / ours.perSecond),
              3,
            ),
          }
        : {}),
      perSecond: all('perSecond', 0),
      cpuUs: all('cpuUs', 1),
      guardUs: spread(
        mine.map(({ own, base }) => own.cpuUs - base.cpuUs),
        1,
      ),
      p50Ms: round(quantile(latencies, 0.5), 3),
      p99Ms: round(quantile(latencies, 0.99), 3),
      redisCalls: redisCalls ?? null,
      commands,
      redisCpuUs: round(median(mine.map(({ own }) => own.redisCpuUs)), 1),
      clientCpu: round(median(mine.map(({ own }) => own.clientCpu)), 2),
      windows: mine.length,
    },
  ];
}
